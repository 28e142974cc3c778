"""Finds what calamine does not tell about a sheet: cells with an error, formulas without a result, merged cells."""

import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from xml.etree import ElementTree

from pipelines.ingest.archive import DAMAGED
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.size_limit import SizeLimit

CHUNK_BYTES = 1 << 20
# A cell with a text of Excel's longest length still fits.
OVERLAP_BYTES = 1 << 17
# A sheet is held in memory; Excel's own limit of 1,048,576 rows with ten short columns is about half of this.
MAX_WORKBOOK_BYTES = 1 << 30
FORMULA_ERROR = "the cell holds a formula error, such as #N/A; correct it in the workbook"
NO_RESULT = "the cell holds a formula without its result; open the workbook in Excel, save it and send it again"
MERGED = "the cell is merged with others; undo the merge and fill each cell"
_CELL = rb"<(?:\w+:)?c\s(?=[^>]*\br=\"([A-Z]{1,3})([0-9]{1,7})\")"
_ERROR = re.compile(_CELL + rb"[^>]*\bt=\"e\"[^>]*>")
_EMPTY_FORMULA = re.compile(
    _CELL + rb"(?![^>]*\bt=\"str\")[^>]*>\s*<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_MERGE = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*\bref=\"([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})\"")
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass
class SheetMarkup:
    """The cells of a sheet that cannot be loaded: row (from 1) → column (from 0) → reason."""

    cells: dict[int, dict[int, str]] = field(default_factory=dict)

    def add(self, row: int, column: int, reason: str) -> None:
        """Note a cell."""
        self.cells.setdefault(row, {})[column] = reason


def read_markup(content: Path | BinaryIO, sheet: str) -> SheetMarkup:
    """Return the cells of a sheet that have no value that could be loaded.

    Raises:
        FileFaultError: the workbook is damaged or too large.

    """
    found = SheetMarkup()
    try:
        with zipfile.ZipFile(content) as archive, archive.open(_part_of(archive, sheet)) as part:
            rest = b""
            while chunk := part.read(CHUNK_BYTES):
                _scan(rest + chunk, found)
                rest = (rest + chunk)[-OVERLAP_BYTES:]
    except (*DAMAGED, KeyError, ElementTree.ParseError) as error:
        raise FileFaultError("unreadable", f"the workbook is damaged ({error}); send it again") from error
    return found


def check_size(content: Path | BinaryIO, size: int) -> None:
    """Check the decompressed size of a workbook of `size` bytes before it is read into memory.

    Raises:
        FileFaultError: the workbook is damaged or too large.

    """
    try:
        with zipfile.ZipFile(content) as archive:
            total = sum(info.file_size for info in archive.infolist())
    except DAMAGED as error:
        reason = f"the workbook is damaged or cut off ({error}); send it again"
        raise FileFaultError("unreadable", reason) from error
    SizeLimit(size).add(total)
    if total > MAX_WORKBOOK_BYTES:
        reason = f"the workbook has more than {MAX_WORKBOOK_BYTES >> 30} GiB when decompressed; export it as CSV"
        raise FileFaultError("size", reason)


def column_number(letters: str) -> int:
    """Return the position of a column from 0: A is 0, AA is 26."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def column_letters(number: int) -> str:
    """Return the letters of a column whose position is counted from 0."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str:
    workbook = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    relation = next(
        item.get(_RELATION) for item in workbook.iter() if item.tag.endswith("}sheet") and item.get("name") == sheet
    )
    relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    target = next(item.get("Target", "") for item in relations if item.get("Id") == relation)
    return target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)


def _scan(text: bytes, found: SheetMarkup) -> None:
    for pattern, reason in ((_ERROR, FORMULA_ERROR), (_EMPTY_FORMULA, NO_RESULT)):
        for match in pattern.finditer(text):
            found.add(int(match[2]), column_number(match[1].decode()), reason)
    for match in _MERGE.finditer(text):
        first, last = column_number(match[1].decode()), column_number(match[3].decode())
        top, bottom = int(match[2]), int(match[4])
        for row in range(top, min(bottom, top + (1 << 16)) + 1):
            for column in range(first, min(last, first + (1 << 10)) + 1):
                if (row, column) != (top, first):
                    found.add(row, column, MERGED)
