"""Fetches the objects of a bucket into a private folder, from which they are loaded like landed files.

An object that was loaded is not fetched again while its size and time stay the same. This memory is a file beside the
tables' data; without it, the objects are fetched again and recognised by their content.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs

from installation.contract.document import Contract
from installation.errors import SettingsError
from installation.object_store.errors import cause_of
from installation.object_store.place import open_filesystem
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.landing import find_files, is_finished
from pipelines.ingest.load_option import LoadOptions
from privacy.contract.document import Bucket
from privacy.storage.atomic_file import create_private_folder, replace_private

UNREACHABLE = "unreachable"
# An object that was written again within the second of its fetch has the same time.
SETTLED_NS = 60 * 1_000_000_000


@dataclass(frozen=True)
class FetchedObjects:
    """The fetched objects of a source. `folder` is like a landing folder; `skipped` were loaded and not fetched."""

    folder: Path
    skipped: int
    _memory: Path
    _seen: dict[str, list[int]]
    _pattern: str

    def remember(self, holds: Callable[[str], bool]) -> None:
        """Store which objects need no further fetch: those of which every file is loaded. Call it after the load."""
        files: dict[str, list[str]] = {}
        for file in find_files(self.folder, self._pattern):
            files.setdefault(file.path.relative_to(self.folder).as_posix(), []).append(file.file_id)
        fetched = {key: ids for key, ids in files.items() if key in self._seen and all(map(holds, ids))}
        known = {key: entry for key, entry in _read(self._memory).items() if key in self._seen and key not in files}
        known |= {key: {"state": self._seen[key], "files": ids} for key, ids in fetched.items()}
        replace_private(self._memory, json.dumps(known, ensure_ascii=False))


@contextmanager
def fetched_objects(
    contract: Contract, origin: Bucket | None, options: LoadOptions, holds: Callable[[str], bool]
) -> Iterator[FetchedObjects]:
    """Fetch the objects that are not loaded yet, for the block. The folder is deleted at its end.

    Args:
        contract: the contract of the source.
        origin: the bucket; None means the setting `landing_root`.
        options: credentials and folder.
        holds: whether a file id is loaded.

    Raises:
        FileFaultError: the bucket cannot be read.
    """
    assert contract.file is not None
    root = options.fetch_dir or Path(tempfile.gettempdir())
    folder, memory = root / f"{contract.name}.objects", root / f"{contract.name}.json"
    shutil.rmtree(folder, ignore_errors=True)  # left by a process that was killed
    create_private_folder(folder)
    try:
        store = ObjectPlace.of(origin, options)
        seen: dict[str, list[int]] = {}
        known, skipped = _read(memory), 0
        for key, info in store.listed(contract.file.path):
            seen[key] = [info.size, info.mtime_ns]
            entry = known.get(key)
            if entry is not None and entry["state"] == seen[key] and all(map(holds, entry["files"])):
                skipped += 1
                continue
            _fetch(store.filesystem, info, folder / key)
        settled = {key: state for key, state in seen.items() if time.time_ns() - state[1] > SETTLED_NS}
        yield FetchedObjects(folder, skipped, memory, settled, contract.file.path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class ObjectPlace:
    """A bucket, or the folder of a bucket: the place to which the keys of objects and the paths of contracts relate."""

    filesystem: fs.FileSystem
    root: str
    location: str

    @classmethod
    def of(cls, origin: Bucket | None, options: LoadOptions) -> ObjectPlace:
        """Open a bucket with the credentials of its server, else with those of the lakehouse; None: `landing_root`."""
        if origin is None:
            assert options.landing_root is not None
            return cls(*open_filesystem(options.landing_root, options.storage_options), options.landing_root)
        credential = options.credentials.get(origin.server)
        given = dict(options.storage_options if credential is None or not credential.options else credential.options)
        if credential is not None and credential.user:
            try:
                password = credential.read_password() or ""
            except SettingsError as error:
                raise FileFaultError(UNREACHABLE, str(error)) from error
            given |= {"AWS_ACCESS_KEY_ID": credential.user, "AWS_SECRET_ACCESS_KEY": password}
        given |= {"AWS_ENDPOINT_URL": origin.endpoint} if origin.endpoint else {}
        given |= {"AWS_REGION": origin.region} if origin.region else {}
        location = f"s3://{origin.name}"
        return cls(*open_filesystem(location, given), location)

    def listed(self, pattern: str) -> Iterator[tuple[str, fs.FileInfo]]:
        """Yield the objects in the folders that a contract's path names, by key. Their names are matched at the load.

        Raises:
            FileFaultError: the bucket cannot be listed.
        """
        folder, _, name = pattern.rpartition("/")
        fixed = "/".join(_until_wildcard(folder))
        selector = fs.FileSelector(
            "/".join(filter(None, (self.root, fixed))), recursive=True, allow_not_found="/" in self.root
        )
        try:
            found = self.filesystem.get_file_info(selector)
        except (OSError, pa.ArrowException) as error:
            raise FileFaultError(
                UNREACHABLE, f"{self.location} cannot be listed: {_reason(error, self.location)}"
            ) from error
        for info in sorted(found, key=lambda info: info.path):
            key = info.path.removeprefix(f"{self.root}/")
            if info.type is fs.FileType.File and _is_below(key.rpartition("/")[0], folder) and _may_match(key, name):
                yield key, info


def _until_wildcard(folder: str) -> Iterator[str]:
    for part in folder.split("/"):
        if any(sign in part for sign in "*?["):
            return
        yield part


def _is_below(folder: str, pattern: str) -> bool:
    parts, expected = folder.split("/"), pattern.split("/")
    if "**" in expected:
        return True
    return len(parts) == len(expected) and all(map(fnmatchcase, parts, expected))


def _may_match(key: str, pattern: str) -> bool:
    """Return whether the object may hold a file that the pattern names. `find_files` decides, when it is fetched."""
    name, expected = key.rpartition("/")[2].lower(), pattern.lower()
    # A key with .. counts as hidden, so no object is written outside the folder.
    return is_finished(Path(key), Path()) and any(
        fnmatchcase(name, form) for form in (expected, f"{expected}.*", "*.zip")
    )


def _fetch(store: fs.FileSystem, info: fs.FileInfo, path: Path) -> None:
    create_private_folder(path.parent)
    try:
        with store.open_input_stream(info.path) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # a fault of the disk
        reason = _reason(error, f"s3://{info.path.partition('/')[0]}")
        raise FileFaultError(UNREACHABLE, f"the object {info.base_name} cannot be read: {reason}") from error
    # The time of the object, so that two looks at an unchanged object see the same file.
    os.utime(path, ns=(info.mtime_ns, info.mtime_ns))


def _reason(error: Exception, location: str) -> str:
    cause = cause_of(str(error))
    if cause is not None and "{" not in cause[0]:
        return f"{cause[0]}; check location, endpointUrl and the credentials"
    # Without the id and the milliseconds of the request, by which equal reasons would differ.
    text = re.sub(r"\s*\(Request ID: [^)]*\)|\s+after \d+ ms", "", str(error).splitlines()[0])
    return f"{text[:300]}; check {location}, endpointUrl and the credentials"


def _read(memory: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(memory.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found
