"""Reads the records of a JSON document: an array of objects, or objects that stand over several lines."""

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from pipelines.ingest.exact_json import reason_of
from pipelines.ingest.fault import FileFaultError

CHUNK_CHARACTERS = 1 << 18
# A syntax error so close to the end of the text read so far may only be the end of that text.
NEAR_END = 64
SPACE = re.compile(r"[ \t\r\n]*")
# Some programs write a comma behind each object that stands for itself.
SEPARATOR = re.compile(r"[ \t\r\n,]*")
# An object whose first field holds a list or an object.
ENVELOPE = re.compile(r'\s*\{\s*"([^"\\]{1,100})"\s*:\s*[\[{]')


def is_document(start: str) -> bool:
    """Return whether a file that begins with this text is an array, or has objects over several lines."""
    text = start.lstrip("\ufeff \t\r\n")
    first_line = text.splitlines()[0].rstrip() if text else ""
    if first_line.startswith("["):
        # A line of JSON Lines may be an array by mistake; then the line is complete, and another one follows.
        return not (first_line.endswith("]") and text[len(first_line) :].lstrip().startswith("{"))
    return first_line.startswith("{") and first_line.endswith(("{", "[", ",", ":"))


def read_document(file: TextIO, decoder: json.JSONDecoder, limit: int) -> Iterator[tuple[Any, str]]:
    """Yield each record with its text. `limit` is the longest record in characters; no more is held in memory.

    Raises:
        FileFaultError: the text is not JSON. The records after the place cannot be told apart, so the file is refused.

    """
    reader = _Reader(file, decoder, limit)
    if reader.next_character() == "[":
        yield from _read_array(reader)
        return
    while reader.next_character(SEPARATOR):
        yield reader.read_value()


def _read_array(reader: "_Reader") -> Iterator[tuple[Any, str]]:
    reader.position += 1
    character = reader.next_character()
    is_first = True
    while character != "]" or not is_first:
        if not character:
            raise reader.fault("the array is not closed, so the file is cut off")
        yield reader.read_value()
        is_first = False
        character = reader.next_character()
        if character == "]":
            break
        if character and character != ",":
            raise reader.fault("there is no comma between two records")
        reader.position += len(character)
        character = reader.next_character()
    reader.position += 1
    if reader.next_character():
        raise reader.fault("text follows the end of the array")


class _Reader:
    """Holds the part of the text that is being read."""

    def __init__(self, file: TextIO, decoder: json.JSONDecoder, limit: int) -> None:
        self.position = 0
        self._file = file
        self._decoder = decoder
        self._limit = limit
        self._text = ""
        self._is_complete = False
        self._line = 1
        self._records = 0

    def next_character(self, skipped: re.Pattern[str] = SPACE) -> str:
        """Return the next character behind those that are skipped; empty at the end of the file."""
        while True:
            match = skipped.match(self._text, self.position)
            assert match is not None
            self.position = match.end()
            if self.position < len(self._text):
                return self._text[self.position]
            if not self._read():
                return ""

    def read_value(self) -> tuple[Any, str]:
        """Return the value that begins at the position, and its text."""
        self._records += 1
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self.position)
            except json.JSONDecodeError as error:
                is_cut = error.msg.startswith("Unterminated string") or error.pos >= len(self._text) - NEAR_END
                if is_cut and self._read():
                    continue
                raise self._explain() or self.fault(error.msg) from error
            except (ValueError, RecursionError) as error:
                raise self.fault(reason_of(error)) from error
            # More digits of a number may follow.
            if end < len(self._text) or not self._read():
                self._check_length(end - self.position)
                part = self._text[self.position : end]
                self.position = end
                return value, part

    def fault(self, reason: str) -> FileFaultError:
        """Return the fault of a document that is not JSON at the position."""
        line = self._line + self._text.count("\n", 0, self.position)
        place = f"record {self._records}" if self._records else "the file"
        return FileFaultError("json", f"{place} is not JSON ({reason}); correct the file, or send it again", line)

    def _explain(self) -> FileFaultError | None:
        envelope = ENVELOPE.match(self._text) if self._records == 1 and self._line == 1 else None
        return envelope_fault(envelope[1]) if envelope and len(self._text) > self._limit else None

    def _check_length(self, length: int) -> None:
        if length > self._limit:
            reason = (
                f"record {self._records} is longer than {self._limit} characters; correct it or raise max_line_size"
            )
            raise self._explain() or FileFaultError("line_length", reason)

    def _read(self) -> bool:
        """Read more text behind the position; return whether there is any."""
        length = len(self._text) - self.position
        self._check_length(length)
        # As much again as there is, so that a long record is not parsed too often.
        chunk = "" if self._is_complete else self._file.read(max(CHUNK_CHARACTERS, length))
        self._is_complete = not chunk
        if chunk:
            self._line += self._text.count("\n", 0, self.position)
            self._text = self._text[self.position :] + chunk
            self.position = 0
        return bool(chunk)


def envelope_fault(field: str) -> FileFaultError:
    """Return the fault of a file whose records are within a field of one object."""
    return FileFaultError(
        "json",
        f"the file is one object, whose field {field} holds the records; export them as an array or line by line",
    )
