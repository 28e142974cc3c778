"""Reads and writes the files of one place: a folder, or a prefix of an object store.

A file is written whole or not at all. In a folder it is on the disk when `write` returns.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pyarrow import ArrowException

from installation.errors import InstallationError
from installation.object_store.errors import explained
from installation.object_store.former_version import former_versions, remove_former_versions
from installation.object_store.place import is_url, open_filesystem
from privacy.storage.atomic_file import create_private_folder, private_draft

if TYPE_CHECKING:
    import pyarrow.fs as pafs


class BackupError(InstallationError):
    """A backup could not be made, read or restored."""


class MissingFileError(BackupError):
    """A file that was listed is gone."""


class Place:
    """The files below a folder or a URL, by their relative names."""

    def __init__(self, location: str, storage_options: Mapping[str, str]) -> None:
        """Name the place. `storage_options`: credentials of an object store, as for the lakehouse."""
        self.location = location.rstrip("/")
        self._options = dict(storage_options)

    @property
    def folder(self) -> Path | None:
        """The folder; None if the place is an object store."""
        return None if is_url(self.location) else Path(self.location)

    @cached_property
    def files(self) -> pafs.FileSystem:
        """The file system whose root is the place."""
        from pyarrow.fs import SubTreeFileSystem

        with self._reported("opened"):
            filesystem, root = open_filesystem(self.location, self._options)
            return SubTreeFileSystem(root, filesystem)

    def listed(self, prefix: str = "") -> Iterator[pafs.FileInfo]:
        """Yield every file below a prefix, at any depth; none if there is no such folder.

        Raises:
            BackupError: the place cannot be read.
        """
        from pyarrow.fs import FileSelector, FileType

        with self._reported("listed"):
            selector = FileSelector(prefix, recursive=True, allow_not_found=True)
            found = self.files.get_file_info(selector)
        yield from (info for info in found if info.type == FileType.File)

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of the files below a prefix, sorted."""
        return sorted(info.path for info in self.listed(prefix))

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """Open a file for reading.

        Raises:
            MissingFileError: there is no such file.
            BackupError: it cannot be read.
        """
        with self._reported("read", name), self.files.open_input_stream(name) as stream:
            yield stream

    def read(self, name: str) -> bytes:
        """Return the content of a file; raises as `opened`."""
        with self.opened(name) as stream:
            return stream.read()

    def write(self, name: str, pieces: Iterable[bytes], *, is_durable: bool = True) -> None:
        """Write a file in the place of the former one, private to its owner.

        `is_durable`: whether it is on the disk when this returns; an object store always does that.

        Raises:
            BackupError: it cannot be written.
        """
        with self._reported("written", name):
            if self.folder is None:
                with self.files.open_output_stream(name) as stream:
                    for piece in pieces:
                        stream.write(piece)
                return
            path = self.folder / name
            create_private_folder(path.parent)
            with private_draft(path) as draft, draft.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                if is_durable:
                    os.fsync(file.fileno())

    def delete(self, name: str) -> None:
        """Delete a file.

        Raises:
            BackupError: it cannot be deleted.
        """
        with self._reported("deleted", name):
            self.files.delete_file(name)

    def remove_former_versions(self) -> None:
        """Delete what a bucket with versioning keeps of deleted files.

        Raises:
            BackupError: the bucket refuses, for example because it locks its objects.
        """
        with self._reported("cleaned of former versions"):
            remove_former_versions(self.location, self._options)

    def former_versions(self) -> list[str]:
        """Return why bytes of deleted files may still be there, see `installation.object_store.former_version`."""
        return former_versions(self.location, self._options)

    @contextmanager
    def _reported(self, verb: str, name: str = "") -> Iterator[None]:
        try:
            yield
        except (OSError, ArrowException) as error:
            if self.folder is None and not isinstance(error, FileNotFoundError):
                raise BackupError(str(explained(error, self.location, self._options, "its setting"))) from error
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
            what = f"{self.location}/{name}" if name else self.location
            kind = MissingFileError if isinstance(error, FileNotFoundError) else BackupError
            raise kind(f"{what}: cannot be {verb}: {reason}. Check the place and its storage_options.") from error
