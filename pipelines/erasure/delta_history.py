"""Forgets everything of a Delta table but its newest version: files, log entries, checkpoints, change data.

`deltalake`'s vacuum leaves what it did not write: checksum files of Spark, which repeat statistics of all files, hidden
files, staged commits. So every file that the newest version does not need is deleted here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.fs as pafs
from deltalake import DeltaTable

from installation.lakehouse.lakehouse import DEFAULT_LOG_RETENTION, LOG_RETENTION
from installation.object_store.place import local_copy, local_rest, open_filesystem

LOG_FOLDER = "_delta_log"
_TOMBSTONES = "delta.deletedFileRetentionDuration"
_DEFAULT_TOMBSTONES = "interval 1 week"
_AT_ONCE = {LOG_RETENTION: "interval 0 seconds", _TOMBSTONES: "interval 0 seconds"}
_LOG_NUMBER = re.compile(r"^(\d{20})\.")


def find_tables(root: str, options: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return the location of every Delta table below a folder or URL, sorted; also of tables without a contract."""
    filesystem, folder = open_filesystem(root, options or {})
    if filesystem.get_file_info(folder).type != pafs.FileType.Directory:
        return ()
    listed = filesystem.get_file_info(pafs.FileSelector(folder, recursive=True))
    ending = f"/{LOG_FOLDER}"
    found = [one.path.removesuffix(ending) for one in listed if one.path.endswith(ending)]
    return tuple(sorted(root + path.removeprefix(folder) for path in found))


def folders_of_tables(root: str, options: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """Yield each table's location with a local folder of all its files, and ("", folder) for the files of no table.

    In an object store the folder is a private copy, one at a time, so the largest table must fit on the disk. Files in
    folders within a table, of other tables too, are in its folder.
    """
    tables = find_tables(root, options)
    inner = tuple(one for one in tables if any(one.startswith(f"{other}/") for other in tables))
    for location in tables:
        with local_copy(location, options) as folder:
            yield location, folder
    outer = [one.removeprefix(root).lstrip("/") for one in tables if one not in inner]
    with local_rest(root, options, outer) as rest:
        for path in rest:
            yield "", path


def has_history(location: str, options: Mapping[str, str]) -> bool:
    """Return whether the table's folder holds more than its newest version needs."""
    delta = DeltaTable(location, storage_options=dict(options))
    filesystem, folder = open_filesystem(location, options)
    return any(True for _ in _unneeded(delta, filesystem, folder, _first_needed(filesystem, folder)))


def forget_history(location: str, options: Mapping[str, str]) -> int:
    """Delete every earlier version and every file that is not of the newest one; return how many files.

    The table keeps its rows, its properties and its record of loaded files. Its newest version is a checkpoint without
    removed files. No other process may use the table meanwhile. Repeat it after a kill.
    """
    properties = DeltaTable(location, storage_options=dict(options)).metadata().configuration
    before = {
        LOG_RETENTION: properties.get(LOG_RETENTION, DEFAULT_LOG_RETENTION),
        _TOMBSTONES: properties.get(_TOMBSTONES, _DEFAULT_TOMBSTONES),
    }
    if before == _AT_ONCE:  # a former call was killed before it restored them
        before = {LOG_RETENTION: DEFAULT_LOG_RETENTION, _TOMBSTONES: _DEFAULT_TOMBSTONES}
    delta = DeltaTable(location, storage_options=dict(options))
    delta.alter.set_table_properties(_AT_ONCE)
    delta = DeltaTable(location, storage_options=dict(options))
    delta.create_checkpoint()
    filesystem, folder = open_filesystem(location, options)
    gone = list(_unneeded(delta, filesystem, folder, delta.version()))
    for path in gone:
        filesystem.delete_file(path)
    _delete_empty_folders(filesystem, folder)
    DeltaTable(location, storage_options=dict(options)).alter.set_table_properties(before)
    return len(gone)


def _unneeded(delta: DeltaTable, filesystem: pafs.FileSystem, folder: str, version: int) -> Iterator[str]:
    """Yield the files in a table's folder that its newest version does not need."""
    active = {f"{folder}/{unquote(path)}" for path in pa.table(delta.get_add_actions()).column("path").to_pylist()}
    listed = filesystem.get_file_info(pafs.FileSelector(folder, recursive=True))
    nested = [
        one.path.removesuffix(f"/{LOG_FOLDER}")
        for one in listed
        if one.path.endswith(f"/{LOG_FOLDER}") and one.path != f"{folder}/{LOG_FOLDER}"
    ]
    log = f"{folder}/{LOG_FOLDER}/"
    for one in listed:
        if one.type != pafs.FileType.File or one.path in active:
            continue
        if any(one.path.startswith(f"{other}/") for other in nested):  # a table of its own
            continue
        if not (one.path.startswith(log) and _is_current(one.path.removeprefix(log), version)):
            yield one.path


def _first_needed(filesystem: pafs.FileSystem, folder: str) -> int:
    """Return the version of the newest checkpoint: readers need the log from there on; 0 without a checkpoint."""
    listed = filesystem.get_file_info(pafs.FileSelector(f"{folder}/{LOG_FOLDER}"))
    numbers = [_LOG_NUMBER.match(one.base_name) for one in listed if one.base_name.endswith(".checkpoint.parquet")]
    return max((int(number[1]) for number in numbers if number), default=0)


def _is_current(name: str, version: int) -> bool:
    if name == "_last_checkpoint":
        return True
    number = _LOG_NUMBER.match(name)
    return number is not None and int(number[1]) >= version and name.endswith((".json", ".parquet"))


def _delete_empty_folders(filesystem: pafs.FileSystem, folder: str) -> None:
    """Delete folders without files: the name of a partition's folder holds the partition's value."""
    listed = filesystem.get_file_info(pafs.FileSelector(folder, recursive=True))
    files = [one.path for one in listed if one.type == pafs.FileType.File]
    for one in sorted(listed, key=lambda info: len(info.path), reverse=True):
        if one.type == pafs.FileType.Directory and not any(path.startswith(f"{one.path}/") for path in files):
            filesystem.delete_dir(one.path)
