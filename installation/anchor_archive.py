"""Publishes anchors of the audit log in another place, so that a machine put back as a whole is noticed.

Each anchor is an object of its own, named after its number and digest, and no object is ever written again. Choose a
place where nobody can delete or replace objects: a folder of another machine, or a bucket with a retention lock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from installation.errors import InstallationError
from installation.object_store.errors import explained
from installation.object_store.place import is_url, list_files, open_filesystem
from privacy.storage.hash_chain import ChainHead

_NAME = re.compile(r"audit-(\d{12})-([0-9a-f]{64})\.anchor")
_READ_ONLY = 0o444


class AnchorArchiveError(InstallationError):
    """The place of the published anchors cannot be read or written."""


class AnchorArchive:
    """The published anchors in one place: a folder, or the URL of an object store."""

    def __init__(self, place: str, storage_options: Mapping[str, str]) -> None:
        """Name the place. `storage_options`: credentials of an object store, as for the lakehouse."""
        self.place = place
        self._options = dict(storage_options)

    def publish(self, head: ChainHead) -> str:
        """Write an anchor and return the name of its object. An anchor that is there already is left as it is.

        Raises:
            AnchorArchiveError: the place cannot be written.
        """
        name = f"audit-{head.number:012d}-{head.digest}.anchor"
        text = f"{head.number}:{head.digest}\n"
        try:
            if name in self._names():
                return name
            if not is_url(self.place):
                path = Path(self.place) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(exist_ok=False)
                path.write_text(text, "ascii")
                path.chmod(_READ_ONLY)
            else:
                filesystem, root = open_filesystem(self.place, self._options)
                with filesystem.open_output_stream(f"{root}/{name}") as stream:
                    stream.write(text.encode("ascii"))
        except OSError as error:
            raise self._failed("written", error) from error
        return name

    def heads(self) -> list[ChainHead]:
        """Return every published anchor, in the order of the log.

        Raises:
            AnchorArchiveError: the place cannot be read.
        """
        try:
            names = self._names()
        except OSError as error:
            raise self._failed("read", error) from error
        found = [match for name in sorted(names) if (match := _NAME.fullmatch(name))]
        return [ChainHead(int(match[1]), match[2]) for match in found]

    def _names(self) -> set[str]:
        if not is_url(self.place):
            folder = Path(self.place)
            return {path.name for path in folder.iterdir()} if folder.exists() else set()
        return set(list_files(self.place, self._options))

    def _failed(self, verb: str, error: Exception) -> AnchorArchiveError:
        if is_url(self.place):
            cause = explained(error, self.place, self._options, "anchor_archive")
            return AnchorArchiveError(f"The published anchors cannot be {verb}: {cause}")
        detail = str(error).strip().splitlines()[0]
        return AnchorArchiveError(
            f"The published anchors in {self.place} cannot be {verb}: {detail}. Check anchor_archive."
        )
