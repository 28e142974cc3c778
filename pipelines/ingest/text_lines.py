"""Lines of a text file, with bounded memory and without losing bytes that its encoding does not know."""

import base64
import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from pipelines.ingest.fault import FileFaultError

DEFAULT_MAX_LINE = 64 * 1024 * 1024
# A byte that does not fit the encoding is read as one of these (PEP 383) and can be given back.
UNDECODABLE = re.compile("[\udc80-\udcff]")
# What a file is tried with to say what its encoding might be; each refuses most files of the others.
COMMON_ENCODINGS = ("utf-8-sig", "cp949", "utf-16")


class BoundedLines:
    """Iterates over lines, counts them, and keeps those of the record that is being read.

    Call `next_record` when a record is complete. Raises FileFaultError for a line or record over the limit.
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
        """Forget the lines of the record that is complete."""
        self.record = []
        self._length = 0
        self.record_start = self.number + 1

    def _too_long(self, is_one_line: bool) -> FileFaultError:
        if is_one_line:
            reason = f"line {self.number} is longer than {self._limit} characters"
        else:
            reason = (
                f"the record from line {self.record_start} on is longer than {self._limit} characters, "
                "as when a quote is not closed"
            )
        return FileFaultError("line_length", f"{reason}; mend the file or raise max_line_size", self.record_start)


@contextmanager
def open_lines(path: Path, codec: str, limit: int) -> Iterator[BoundedLines]:
    """Open a text file for reading by line.

    Raises:
        FileFaultError: the file cannot be opened, is empty, or its encoding breaks off.

    """
    try:
        with path.open(encoding=codec, errors="surrogateescape", newline="") as file:
            if path.stat().st_size == 0:
                raise FileFaultError("empty", "the file is empty (0 bytes); nothing can be loaded from it")
            yield BoundedLines(file, limit)
    except OSError as error:
        raise FileFaultError("unreadable", f"the file cannot be read: {error.strerror}") from error
    except UnicodeError as error:
        raise FileFaultError("encoding", f"the file is not {codec}: {error}") from error


def suggest_encoding(path: Path, codec: str) -> str | None:
    """Another encoding that the beginning of the file is valid in."""
    with path.open("rb") as file:
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
    """A text for quarantine: as it is, or its bytes in base64 where they are not text in the encoding."""
    if not UNDECODABLE.search(text):
        return text
    raw = text.encode(codec.removesuffix("-sig"), errors="surrogateescape")
    return {"base64": base64.b64encode(raw).decode("ascii")}


def give_back(kept: Any, codec: str) -> str:
    """The text that `keep_bytes` kept, read with the encoding that the contract states now."""
    if isinstance(kept, dict):
        return base64.b64decode(kept["base64"]).decode(codec, errors="surrogateescape")
    return str(kept)
