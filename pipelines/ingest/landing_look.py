"""Remembers landed text files whose last line has no line end, because they may still be being written.

Such a file is loaded when two looks have seen it with the same size and time. A look is a load, or a tick of the
landing sensor. The file's age says nothing: an upload that broke off leaves an old file, and a copy may keep its time.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow.fs as pafs

from installation.contract.document import Contract, FileFormat
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.ingest.archive import is_zip
from pipelines.ingest.byte_stream import FOREIGN, find_codec, read_start
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.landing import candidate_paths
from pipelines.ingest.staging_area import create_folder
from pipelines.ingest.text_lines import PARQUET_MAGIC

# Folder below the root of the lakehouse, with one file for each source.
FOLDER = "landing_look"
TAIL_BYTES = 4096
WAITING = (
    "waiting, because its last line has no line end and it may still be being written; the next run loads it if it has "
    "not changed by then"
)

Look = dict[str, list[int]]


class LandingLook:
    """What the last look at a source's files has seen: path in the landing folder → size and time of an open end."""

    def __init__(self, contract: Contract, lakehouse: Lakehouse, landing: Path) -> None:
        assert contract.file is not None
        self._form = contract.file
        self._landing = landing
        self._filesystem, root = lakehouse.filesystem()
        self._folder = f"{root}/{FOLDER}"
        self._file = f"{self._folder}/{contract.name}.json"
        self._before = self._read()
        self._now: Look = {}

    def is_waiting(self, path: Path) -> bool:
        """Look at a file; return whether it may still be being written and an earlier look has not seen it so."""
        if not has_open_end(path, self._form):
            return False
        name, status = path.relative_to(self._landing).as_posix(), path.stat()
        self._now[name] = [status.st_size, status.st_mtime_ns]
        return self._before.get(name) != self._now[name]

    def save(self) -> None:
        """Store this look in place of the last one."""
        if self._now == self._before:
            return
        create_folder(self._filesystem, self._folder)
        with self._filesystem.open_output_stream(self._file) as stream:
            stream.write(json.dumps(self._now).encode())

    def _read(self) -> Look:
        if self._filesystem.get_file_info(self._file).type == pafs.FileType.NotFound:
            return {}
        with self._filesystem.open_input_stream(self._file) as stream:
            try:
                found: Look = json.loads(stream.read())
            except ValueError:
                # The process was killed while it wrote the file. The next look starts anew.
                return {}
        return found


def look(landing: Path, contracts: Iterable[Contract], lakehouse: Lakehouse) -> None:
    """Look at the landed files of sources without loading them, so that the next load finds them unchanged."""
    for contract in contracts:
        if contract.file is not None and contract.file.is_landed:
            seen = LandingLook(contract, lakehouse, landing)
            for path in candidate_paths(landing, contract.file.path):
                seen.is_waiting(path)
            seen.save()


def has_open_end(path: Path, form: FileFormat) -> bool:
    """Return whether a text file ends within a line. Compressed and binary files say themselves whether they are whole.

    A JSON text that ends with a bracket is complete.
    """
    if form.format not in ("csv", "json", "jsonl"):
        return False
    try:
        start = read_start(path)
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            # The end of a line in UTF-16 has a zero byte before or after it.
            end = file.read().replace(b"\0", b"")
    except (OSError, FileFaultError):
        return False  # Loading the file names the reason.
    if find_codec(start) is not None or is_zip(start) or start.startswith((PARQUET_MAGIC, *FOREIGN)):
        return False
    if len(start) <= 3 and not start.strip(b"\xef\xbb\xbf\xff\xfe"):
        return False
    if form.format == "csv":
        return not end.endswith((b"\n", b"\r"))
    is_complete = end.rstrip().endswith((b"}", b"]")) or not end.strip()
    return not is_complete and (form.format == "json" or not end.endswith((b"\n", b"\r")))
