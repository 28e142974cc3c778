"""Reads the lines of a text file with bounded memory, and keeps bytes that are invalid in its encoding."""

import base64
import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from pipelines.ingest.byte_stream import open_bytes, unreadable
from pipelines.ingest.fault import FileFaultError

DEFAULT_MAX_LINE = 64 * 1024 * 1024
# A byte that is invalid in the encoding is read as one of these characters (PEP 383), and can be restored from it.
UNDECODABLE = re.compile("[\udc80-\udcff]")
# Encodings that are tried to suggest the right one; each of them rejects most files in another of them.
COMMON_ENCODINGS = ("utf-8-sig", "cp949", "utf-16")


class BoundedLines:
    """Iterates over the lines of a file, counts them, and keeps the lines of the current record.

    Call `next_record` after each complete record. `limit` is in characters.

    Raises:
        FileFaultError: a line or record is longer than the limit.
    """

    def __init__(self, file: TextIO, limit: int) -> None:
        self._file = file
        self._limit = limit
        self.number = 0
        self.record: list[str] = []
        self.record_start = 1
        self._length = 0

    def __iter__(self) -> "BoundedLines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(self._limit + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._length += len(line)
        if self._length > self._limit:
            raise self._too_long(len(line) > self._limit)
        self.record.append(line)
        return line

    def next_record(self) -> None:
        """Start the next record: drop the lines of the complete one."""
        self.record = []
        self._length = 0
        self.record_start = self.number + 1

    def _too_long(self, is_one_line: bool) -> FileFaultError:
        if is_one_line:
            reason = f"line {self.number} is longer than {self._limit} characters"
        else:
            reason = (
                f"the record that begins at line {self.record_start} is longer than {self._limit} characters; "
                "a quote may not be closed"
            )
        return FileFaultError("line_length", f"{reason}; correct the file or raise max_line_size", self.record_start)


@contextmanager
def open_lines(path: Path, codec: str, limit: int, member: str | None = None) -> Iterator[BoundedLines]:
    """Open a text file for reading by line. `codec` is a Python codec, `limit` the longest record in characters.

    `member` names a file of a ZIP archive.

    Raises:
        FileFaultError: the file cannot be opened, is empty, or ends within a character.

    """
    try:
        with (
            open_bytes(path, member) as content,
            io.TextIOWrapper(content, codec, errors="surrogateescape", newline="") as file,
        ):
            if not content.peek(1):
                raise FileFaultError("empty", "the file is empty (0 bytes); nothing can be loaded from it")
            yield BoundedLines(file, limit)
    except OSError as error:
        raise unreadable(error) from error
    except UnicodeError as error:
        reason = f"the file is not valid {codec}: {error}; correct encoding in the contract, or send the file again"
        raise FileFaultError("encoding", reason) from error


def suggest_encoding(path: Path, codec: str, member: str | None = None) -> str | None:
    """Return the name of another encoding in which the first 64 KiB of the file are valid; None if there is none."""
    with open_bytes(path, member) as file:
        beginning = file.read(1 << 16)
    for name in COMMON_ENCODINGS:
        if name == codec:
            continue
        decoder = codecs.getincrementaldecoder(name)()
        try:
            decoder.decode(beginning)
        except UnicodeError:
            continue
        return {"utf-8-sig": "UTF-8", "cp949": "CP949", "utf-16": "UTF-16"}[name]
    return None


def keep_bytes(text: str, codec: str) -> Any:
    """Return a text as quarantine stores it: unchanged, or as {"base64": bytes} if it has invalid bytes."""
    if not UNDECODABLE.search(text):
        return text
    raw = text.encode(codec.removesuffix("-sig"), errors="surrogateescape")
    return {"base64": base64.b64encode(raw).decode("ascii")}


def restore_text(kept: Any, codec: str) -> str:
    """Return the text that `keep_bytes` stored, decoded with the encoding of the current contract."""
    if isinstance(kept, dict):
        return base64.b64decode(kept["base64"]).decode(codec, errors="surrogateescape")
    return str(kept)
