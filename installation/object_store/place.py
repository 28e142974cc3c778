"""Opens a folder or an object store, and copies files from and to it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from installation.object_store.errors import ObjectStoreError, explained
from installation.object_store.options import arrow_options, aws_options

if TYPE_CHECKING:
    import pyarrow.fs as pafs

_CHUNK = 1 << 20
_CONNECT_SECONDS, _REQUEST_SECONDS, _ATTEMPTS = 5, 60, 3


def is_url(location: str) -> bool:
    """Return whether a location is a URL of an object store, and not a folder."""
    return "://" in location


def open_filesystem(location: str, options: Mapping[str, str]) -> tuple[pafs.FileSystem, str]:
    """Return the file system of a folder or URL, and the path within that file system.

    Args:
        location: a folder, or a URL; the scheme of S3 is s3 or s3a.
        options: the setting `storage_options`.
    """
    from pyarrow import fs

    if not is_url(location):
        return fs.LocalFileSystem(), location
    parts = urlsplit(location)
    if parts.scheme in ("s3", "s3a"):
        return _s3(tuple(sorted(arrow_options(options).items()))), f"{parts.netloc}{parts.path}".rstrip("/")
    found: tuple[pafs.FileSystem, str] = fs.FileSystem.from_uri(location)
    return found


def require_reachable(location: str, options: Mapping[str, str], setting: str = "lakehouse_root") -> None:
    """Check that the store of a URL answers and accepts the credentials. A folder is not checked.

    Raises:
        ObjectStoreError: it does not; the message says whether bucket, credentials, host or permission are the cause.
    """
    if not is_url(location):
        return
    from pyarrow import ArrowException, fs

    given = aws_options(options)
    if given.get("AWS_ENDPOINT_URL", "").startswith("http://") and given.get("AWS_ALLOW_HTTP", "").lower() != "true":
        # Arrow would go on; delta-rs refuses.
        raise explained(ValueError("URL scheme is not allowed"), location, options, setting)
    try:
        filesystem, path = open_filesystem(location, options)
        # The bucket is looked at last, because a refusal of that has no text.
        if not filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True)):
            bucket = filesystem.get_file_info(path.partition("/")[0])
            if bucket.type is fs.FileType.NotFound:
                raise explained(ValueError("NoSuchBucket"), location, options, setting)
    except (OSError, ArrowException) as error:
        raise explained(error, location, options, setting) from error


def list_files(location: str, options: Mapping[str, str]) -> dict[str, pafs.FileInfo]:
    """Return every file below a folder or URL by its path there, sorted; empty if there is none.

    Raises:
        OSError: the place cannot be read.
    """
    from pyarrow import fs

    filesystem, root = open_filesystem(location, options)
    found = filesystem.get_file_info(fs.FileSelector(root, allow_not_found=True, recursive=True))
    files = {one.path.removeprefix(root).lstrip("/"): one for one in found if one.type is fs.FileType.File}
    return dict(sorted(files.items()))


def fetch(location: str, options: Mapping[str, str], folder: Path) -> None:
    """Copy a file, or every file below a place, into a private folder. Times are kept.

    Raises:
        ObjectStoreError: nothing is there, or a name would lie outside of the folder.
        OSError: the place cannot be read, or the folder cannot be written.
    """
    from pyarrow import fs

    filesystem, root = open_filesystem(location, options)
    info = filesystem.get_file_info(root)
    files = {info.base_name: info} if info.type is fs.FileType.File else list_files(location, options)
    if not files:
        raise ObjectStoreError(f"{location} does not exist. Check the address.")
    for name, one in files.items():
        if ".." in PurePosixPath(name).parts:
            raise ObjectStoreError(f"{location} has an object with .. in its name. Rename it.")
        target = folder / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fetch_file(filesystem, one, target)


def fetch_file(filesystem: pafs.FileSystem, info: pafs.FileInfo, target: Path) -> None:
    """Copy one file to a path, with its time."""
    with filesystem.open_input_stream(info.path) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, _CHUNK)
    if info.mtime_ns is not None:
        os.utime(target, ns=(info.mtime_ns, info.mtime_ns))


@contextmanager
def local_copy(location: str, options: Mapping[str, str]) -> Iterator[Path]:
    """Yield a path with the content of a file or folder: itself, or a private copy of a URL's, deleted at the end.

    Raises:
        ObjectStoreError: the URL cannot be read, or nothing is there.
    """
    if not is_url(location):
        yield Path(location)
        return
    from pyarrow import ArrowException

    with tempfile.TemporaryDirectory(prefix="bojagi-copy-") as folder:
        name = PurePosixPath(urlsplit(location).path).name or "copy"
        copy = Path(folder) / name
        try:
            filesystem, path = open_filesystem(location, options)
            is_file = filesystem.get_file_info(path).is_file
            fetch(location, options, Path(folder) if is_file else copy)
        except (OSError, ArrowException) as error:
            if isinstance(error, OSError) and error.errno is not None:  # a fault of the disk
                raise
            raise explained(error, location, options, "the address") from error
        yield copy


@contextmanager
def local_rest(location: str, options: Mapping[str, str], but: Sequence[str]) -> Iterator[list[Path]]:
    """Yield local paths of the files below a place that are in none of the folders `but`; a URL's are copies.

    Raises:
        OSError: the place cannot be read.
    """
    folders = tuple(f"{folder}/" for folder in but)
    names = [name for name in list_files(location, options) if not name.startswith(folders)]
    if not is_url(location):
        yield [Path(location) / name for name in names]
        return
    with tempfile.TemporaryDirectory(prefix="bojagi-copy-") as folder:
        for name in names:
            fetch(f"{location}/{name}", options, (Path(folder) / name).parent)
        yield [Path(folder) / name for name in names]


def store(path: Path, location: str, options: Mapping[str, str]) -> int:
    """Copy a file, or every file below a folder, to a place; return how many. Objects there are replaced.

    Raises:
        ObjectStoreError: the place cannot be written.
    """
    from pyarrow import ArrowException

    filesystem, root = open_filesystem(location, options)
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    try:
        for file in files:
            name = root if file == path else f"{root}/{file.relative_to(path).as_posix()}"
            if not is_url(location):
                Path(name).parent.mkdir(parents=True, exist_ok=True)
            with file.open("rb") as source, filesystem.open_output_stream(name) as sink:
                shutil.copyfileobj(source, sink, _CHUNK)
    except (OSError, ArrowException) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise explained(error, location, options, "the address") from error
    return len(files)


@lru_cache(maxsize=32)
def _s3(options: tuple[tuple[str, str | bool], ...]) -> pafs.FileSystem:
    from pyarrow import fs

    return fs.S3FileSystem(
        **dict(options), connect_timeout=_CONNECT_SECONDS, request_timeout=_REQUEST_SECONDS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
    )  # fmt: skip
