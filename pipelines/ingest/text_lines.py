"""Reads the lines of a text file with bounded memory, and keeps bytes that are invalid in its encoding."""

import base64
import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from installation.contract.document import FileFormat
from pipelines.ingest.byte_stream import open_bytes, unreadable
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.landing import LandedFile
from privacy.contract.document import codec_of

DEFAULT_MAX_LINE = 64 * 1024 * 1024
# A byte that is invalid in the encoding is read as one of these characters (PEP 383), and can be restored from it.
UNDECODABLE = re.compile("[\udc80-\udcff]")
_KOREAN = ("cp949", "euc_kr", "johab")
_HIDDEN_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}")
HIGH_BYTES = re.compile(rb"[\x80-\xff]+")
SAMPLE_BYTES = 1 << 16
PARQUET_MAGIC = b"PAR1"
CHUNK_CHARACTERS = 1 << 18


class BoundedLines:
    """Iterates over the lines of a file, counts them, and keeps the lines of the current record.

    Call `next_record` after each complete record. `limit` is in characters. With `form`, a file that is in UTF-8
    although the contract states another encoding is refused.

    Raises:
        FileFaultError: a line or record is longer than the limit.
    """

    def __init__(self, file: TextIO, limit: int, form: FileFormat | None = None) -> None:
        self._file = file
        self._form = form
        self._codec = form.codec if form is not None else "utf-8"
        self._limit = limit
        self.number = 0
        self.record: list[str] = []
        self.record_start = 1
        self._length = 0
        self._waiting: list[str] = []
        self._position = 0
        self._text = ""
        self._rest = ""
        self._is_plain: bool | None = None

    def __iter__(self) -> "BoundedLines":
        return self

    def __next__(self) -> str:
        if self._position == len(self._waiting) and not self._read():
            raise StopIteration
        line = self._waiting[self._position]
        self._position += 1
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

    def peek(self, *special: str) -> list[str]:
        """Return the next lines without taking them, if none of the special texts occurs near them.

        Empty if one occurs, after `read_singly`, and at the end of the file. Call it between records.
        """
        if self._position == len(self._waiting) and not self._read():
            return []
        if self._is_plain is None:
            self._is_plain = len(self._text) <= self._limit and not any(text in self._text for text in special)
        return self._waiting[self._position :] if self._is_plain else []

    def take(self, count: int) -> int:
        """Take lines that `peek` returned, each a record of its own; return the number of the first."""
        first = self.number + 1
        self._position += count
        self.number += count
        self.next_record()
        return first

    def read_singly(self) -> None:
        """Let the lines that `peek` returned be read by iteration."""
        self._is_plain = False

    def _read(self) -> bool:
        """Read more lines; return whether there are any. A line that a chunk cuts is completed by the next."""
        lines: list[str] = []
        chunk = "more"
        while chunk and not lines:
            parts, length = [self._rest], len(self._rest)
            while chunk and length <= self._limit:
                chunk = self._file.read(CHUNK_CHARACTERS)
                parts.append(chunk)
                length += len(chunk)
                if "\n" in chunk or "\r" in chunk:
                    break
            self._text, self._rest = "".join(parts), ""
            lines = io.StringIO(self._text, newline="").readlines()
            if chunk and lines and length <= self._limit and not lines[-1].endswith("\n"):
                self._rest = lines.pop()
        self._waiting, self._position, self._is_plain = lines, 0, None
        if self._form is not None and not self._text.isascii():
            self._refuse_utf8(self._form)
            self._form = None
        if _has_utf8(self._text, self._codec):
            self._waiting = [mark_utf8(line, self._codec) for line in lines]
            self._text = "".join(self._waiting)
        return bool(lines)

    def _refuse_utf8(self, form: FileFormat) -> None:
        """Refuse a file whose first text beyond ASCII is UTF-8 although the contract states another encoding."""
        content = self._text.encode(form.codec.removesuffix("-sig"), errors="surrogateescape")
        if is_other_encoding(content, form.codec):
            reason = f"the file is encoded in UTF-8, the contract states {form.encoding}: correct the contract"
            raise FileFaultError("encoding", reason)

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
def open_lines(file: LandedFile, form: FileFormat, limit: int) -> Iterator[BoundedLines]:
    """Open a text file for reading by line. `limit` is the longest record in characters.

    Raises:
        FileFaultError: as `open_text`.

    """
    with open_text(file, form) as text:
        yield BoundedLines(text, limit, None if form.codec.startswith("utf") else form)


@contextmanager
def open_text(file: LandedFile, form: FileFormat) -> Iterator[TextIO]:
    """Open a text file; line ends are kept, and an invalid byte is read as one character (`UNDECODABLE`).

    Raises:
        FileFaultError: the file cannot be opened, is empty, is in another encoding, or ends within a character.

    """
    try:
        with (
            open_bytes(file.path, file.member) as content,
            io.TextIOWrapper(content, form.codec, errors="surrogateescape", newline="") as text,
        ):
            start = content.peek(1)
            if not start:
                raise FileFaultError("empty", "the file is empty (0 bytes); nothing can be loaded from it")
            if start.startswith(PARQUET_MAGIC):
                raise FileFaultError("format", "the file is a Parquet file; state format: parquet in the contract")
            yield text
    except OSError as error:
        raise unreadable(error) from error
    except UnicodeError as error:
        reason = f"the file is not valid {form.encoding} ({error}); {explain_encoding(file, form)}"
        raise FileFaultError("encoding", reason) from error


def explain_encoding(file: LandedFile, form: FileFormat) -> str:
    """Return the advice for a file that is not in the encoding of its contract."""
    with open_bytes(file.path, file.member) as content:
        start = content.read(SAMPLE_BYTES)
    text = start.decode(form.codec, errors="surrogateescape") if not form.codec.startswith("utf") else ""
    if not _is_valid(start, "utf-8") and any(mark_utf8(line, form.codec) != line for line in text.splitlines()):
        return "some lines are UTF-8: send the file in one encoding"
    other = suggest_encoding(start, form.codec)
    return f"it looks like {other}: change encoding in the contract" if other else "check the file's encoding"


def suggest_encoding(start: bytes, codec: str) -> str | None:
    """Return the likely encoding of a file that begins with these bytes, other than `codec`; None if unknown."""
    likely = None
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        likely = "UTF-16"
    elif start.count(0) > len(start) // 4:
        likely = "UTF-16LE" if start[1:2] == b"\0" else "UTF-16BE"
    elif _is_valid(start, "utf-8"):
        likely = "UTF-8"
    elif _is_valid(start, "cp949") and not _has_single_letters(start):
        likely = "CP949"
    elif _is_valid(start, "cp1252"):
        likely = "windows-1252"
    return None if likely is None or codec_of(likely) == codec else likely


def is_other_encoding(start: bytes, codec: str) -> bool:
    """Return whether a file that begins with these bytes is in UTF-8 although another encoding is stated.

    Text in CP949 or Latin-1 is almost never valid UTF-8. Two bytes may be so by chance in CP949, three may not.
    """
    if codec.startswith(("utf", "ascii")) or start.isascii() or not _is_valid(start, "utf-8"):
        return False
    widest = 3 if _is_valid(start, "cp949") and codec in _KOREAN else 2
    return any(len(character.encode()) >= widest for character in set(start.decode(errors="ignore")))


def mark_utf8(line: str, codec: str) -> str:
    r"""Return a line in which the bytes of UTF-8 are undecodable, if it is UTF-8 and was read by another encoding.

    Files that are joined from several exports may change their encoding between two lines.

    >>> ascii(mark_utf8("Ã…sa", "cp1252"))
    "'\\udcc3\\udc85sa'"
    """
    content = b"" if line.isascii() else line.encode(codec, errors="surrogateescape")
    if not _HIDDEN_UTF8.search(content) or not _is_valid(content, "utf-8"):
        return line
    letters = [letter for letter in content.decode(errors="ignore") if not letter.isascii()]
    # Two bytes may be UTF-8 by chance. Then they rarely stand for a letter that the stated encoding has, too.
    if codec in _KOREAN:
        is_utf8 = any(letter > "\u07ff" for letter in letters)
    else:
        is_utf8 = all(letter > "\u07ff" or letter.encode(codec, errors="ignore") for letter in letters)
    return content.decode("ascii", errors="surrogateescape") if is_utf8 else line


def _has_utf8(text: str, codec: str) -> bool:
    """Return whether a text that was read by a one-byte or a Korean encoding has bytes that may be UTF-8."""
    is_other = codec in _KOREAN or codec.startswith(("cp125", "iso8859", "latin"))
    return is_other and not text.isascii() and bool(_HIDDEN_UTF8.search(text.encode(codec, errors="surrogateescape")))


def _is_valid(start: bytes, codec: str) -> bool:
    try:
        codecs.getincrementaldecoder(codec)().decode(start)
    except UnicodeError:
        return False
    return True


def _has_single_letters(start: bytes) -> bool:
    """Return whether most bytes beyond ASCII stand alone, as accented letters do; Korean letters have two."""
    runs = HIGH_BYTES.findall(start)
    return 2 * sum(len(run) % 2 for run in runs) > len(runs)


def keep_bytes(text: str, codec: str) -> Any:
    """Return a text as quarantine stores it: unchanged, or as {"base64": bytes} if it has invalid bytes."""
    if not UNDECODABLE.search(text):
        return text
    raw = text.encode(codec.removesuffix("-sig"), errors="surrogateescape")
    return {"base64": base64.b64encode(raw).decode("ascii")}


def restore_text(kept: Any, codec: str) -> str:
    """Return the text that `keep_bytes` stored, decoded with the encoding of the current contract."""
    if isinstance(kept, dict):
        return mark_utf8(base64.b64decode(kept["base64"]).decode(codec, errors="surrogateescape"), codec)
    return str(kept)
