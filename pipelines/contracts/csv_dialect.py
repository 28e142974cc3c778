"""Guesses delimiter, quote character, header line and footer lines of a CSV file from its lines.

Every pair of delimiter and quote character splits the lines. The best pair gives most records the same number of
fields, fields that look like whole values, and a first full record that looks like a header.
"""

from __future__ import annotations

import csv
import math
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipelines.ingest.row_shape import is_footer

DELIMITERS = (",", ";", "\t", "|")
# Tried only when none of the above fits: these characters also stand inside times and texts.
RARE_DELIMITERS = ("^", "~", ":", "\x1f", "\x01")
QUOTES = ('"', "'")
_DETECTED_LINES = 2000
_HEADER_LINES = 60
_MAX_FOOTER = 10
_FITTING = 0.5
# Worth of a file with one column: less than that of a consistent split.
_SINGLE_COLUMN = 0.5
_NUMBER = re.compile(
    r"[-+(]{0,2}\s?[^\w\s\"']{0,2}[A-Z]{0,3}\s?[-+]?\d[\d.,'\u2019 \u00a0]*(?:[eE][+-]?\d+)?"
    r"\)?-?\s?[^\w\s]?[A-Z]{0,3}원?\)?-?"
)
_TIME = re.compile(r"\d{1,4}([-/.]|년 ?)\d{1,2}([-/.]|월 ?)\d{1,4}.{0,30}|\d{1,2}:\d{2}(:\d{2}.*)?")
_PLAIN_WORD = re.compile(r"[\w.@#&%/+-]+")
_REMARK = re.compile(r".*[:;\s].*|-+|=+|\*+")


class Record(NamedTuple):
    """The fields of one record, and the number of its first line, from 1."""

    line: int
    fields: list[str]


@dataclass(frozen=True)
class Dialect:
    """Delimiter, quote character and place of the header of a CSV file.

    `header_row` is the line of the header, from 1. `footer_rows` counts the lines below the rows.
    """

    delimiter: str
    quote: str
    header_row: int
    headers: tuple[str, ...]
    footer_rows: int = 0


class NoHeaderError(Exception):
    """No line looks like a header. `line` is the first full record.

    `data_fields` of its `fields` look like data. `unnamed` are the numbers of its empty fields, from 1.
    """

    def __init__(self, line: int, data_fields: int, fields: int, unnamed: tuple[int, ...] = ()) -> None:
        super().__init__(line, data_fields, fields, unnamed)
        self.line, self.data_fields, self.fields, self.unnamed = line, data_fields, fields, unnamed


class _Split(NamedTuple):
    score: float
    delimiter: str
    quote: str
    width: int
    records: list[Record]


def find_dialect(lines: Sequence[str], *, is_whole: bool = True) -> Dialect:
    """Return the guessed dialect. `lines` keep their line ends; `is_whole`: the last of them ends the file.

    Raises:
        NoHeaderError: no line looks like a header.
    """
    csv.field_size_limit(sys.maxsize)
    head = lines[:_DETECTED_LINES]
    splits = [_split(head, delimiter, quote) for delimiter in DELIMITERS for quote in QUOTES]
    best = max(splits, key=lambda split: split.score)
    if best.score < _FITTING:
        splits = [best, *(_split(head, delimiter, quote) for delimiter in RARE_DELIMITERS for quote in QUOTES)]
        best = max(splits, key=lambda split: split.score)
    single = _single(head)
    if single.score > best.score:
        best = single
    header = _find_header(best)
    if header is None:
        first = next((record for record in best.records if len(record.fields) == best.width), best.records[0])
        below = _columns_below(best, first)
        data = sum(_is_data(field, values) for field, values in zip(first.fields, below, strict=False))
        unnamed = tuple(number for number, field in enumerate(first.fields, 1) if not field.strip())
        raise NoHeaderError(first.line, data, len(first.fields), unnamed)
    footer = _count_footer(lines, best, header) if is_whole else 0
    headers = tuple(field.strip() for field in header.fields)
    return Dialect(best.delimiter, best.quote, header.line, headers, footer)


def split_records(lines: Sequence[str], delimiter: str, quote: str, first_line: int = 1) -> list[Record]:
    """Return the records of the lines that have at least one field; broken quoting ends the list."""
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote)
    records: list[Record] = []
    start = first_line
    try:
        for fields in reader:
            if fields:
                records.append(Record(start, fields))
            start = first_line + reader.line_num
    except csv.Error:
        pass
    return records


def _split(lines: Sequence[str], delimiter: str, quote: str) -> _Split:
    records = split_records(lines, delimiter, quote)
    widths = Counter(len(record.fields) for record in records)
    width, count = max(widths.items(), key=lambda item: (item[1] * (item[0] > 1), item[0]), default=(1, 0))
    if width < 2:
        return _Split(0.0, delimiter, quote, 1, records)
    first = next(index for index, record in enumerate(records) if len(record.fields) == width)
    # Title lines above the header and totals below the rows do not count.
    footers = sum(is_footer(record.fields) for record in records[-_MAX_FOOTER:] if len(record.fields) != width)
    consistency = count / max(1, len(records) - min(first, _HEADER_LINES) - footers)
    share_of_lines = min(1.0, (len(records) + 1) / max(1, sum(1 for line in lines if line.strip())))
    full = [record for record in records if len(record.fields) == width]
    fields = [field for record in full[:200] for field in record.fields]
    clean = sum(_cleanness(field) for field in fields) / len(fields)
    draft = _Split(0.0, delimiter, quote, width, records)
    header = _find_header(draft)
    likeness = 1.0 if header is not None else 0.7
    score = consistency**2 * share_of_lines**0.25 * clean * likeness * (1 + 0.02 * math.log2(width))
    score *= _quote_weight(lines, delimiter, quote)
    return draft._replace(score=score)


def _quote_weight(lines: Sequence[str], delimiter: str, quote: str) -> float:
    """Return a factor that prefers the quote character which wraps fields; the double quote if neither does."""
    if quote == '"':
        return 1.0
    edge = re.escape(delimiter)
    text = "".join(lines[:500])[:50_000]
    single, double = (
        re.search(rf"(?:^|[\r\n]|{edge}){mark}(?:[^{mark}]|{mark}{mark})*{mark}(?:{edge}|[\r\n]|$)", text)
        for mark in ("'", '"')
    )
    if single is None:
        return 0.5
    return 1.05 if double is None else 0.97


def _single(lines: Sequence[str]) -> _Split:
    """Return the lines as records of one field; its delimiter is a comma, which no field contains or all are quoted."""
    records = split_records(lines, ",", '"')
    if any(len(record.fields) != 1 for record in records[:200]):
        records = [Record(number, [line.rstrip("\r\n")]) for number, line in enumerate(lines, 1) if line.strip()]
    clean = sum(_cleanness(record.fields[0]) for record in records[:200]) / max(1, len(records[:200]))
    return _Split(_SINGLE_COLUMN * clean, ",", '"', 1, records)


def _cleanness(field: str) -> float:
    """Return how much a field looks like one whole value: 1 for numbers, times and words, less for texts with marks."""
    text = field.strip()
    if not text or _PLAIN_WORD.fullmatch(text) or _NUMBER.fullmatch(text) or _TIME.fullmatch(text):
        return 1.0
    if text[0] == text[-1] and text[0] in QUOTES and len(text) > 1:
        return 0.3
    if text[0] == '"' or text[-1] == '"':
        return 0.1
    if any(mark in text for mark in ("\t", ";", "|")) or text[0] in QUOTES or text[-1] in QUOTES:
        return 0.6
    return 0.9


def _find_header(split: _Split) -> Record | None:
    """Return the first full record whose fields are all filled, differ from each other and do not look like data."""
    for record in split.records[:_HEADER_LINES]:
        if len(record.fields) != split.width:
            continue
        below = _columns_below(split, record)
        unnamed = [index for index, field in enumerate(record.fields) if not field.strip()]
        # Exports of data frames leave the header of the row numbers empty; other programs end each line by a delimiter.
        is_known = unnamed == [0] or (unnamed == [split.width - 1] and not below[-1])
        if unnamed and not (is_known and split.width > 2):
            continue
        data = sum(_is_data(field, values) for field, values in zip(record.fields, below, strict=True))
        # A header may name a year, but a record in which one field of three looks like data is data.
        if data * 3 < len(record.fields):
            return record
        return None
    return None


def _columns_below(split: _Split, header: Record) -> list[list[str]]:
    rows = [r.fields for r in split.records if r.line > header.line and len(r.fields) == split.width]
    rows = [fields for fields in rows[:300] if fields != header.fields]
    return [[fields[index].strip() for fields in rows if fields[index].strip()] for index in range(split.width)]


def _is_data(field: str, below: Sequence[str]) -> bool:
    """Return whether a field of a possible header looks like the values of its column."""
    text = field.strip()
    if not text:
        return False
    if _TIME.fullmatch(text) or _NUMBER.fullmatch(text) or "@" in text:
        return True
    if text in below:
        return True
    has_digits = sum(letter.isdigit() for letter in text) > 1
    return has_digits and len(below) > 1 and all(_mask(value) == _mask(text) for value in below[:50])


def _mask(text: str) -> str:
    """Return the form of a text: digits as 9 and letters as a.

    >>> _mask("M00-7x")
    'a99-9a'
    """
    return "".join("9" if letter.isdigit() else "a" if letter.isalpha() else letter for letter in text)


def find_table(records: Sequence[Record]) -> tuple[Record, int] | None:
    """Return header and number of footer rows of records that are split already, as in a sheet; None without header.

    Rows of a sheet are shorter where their last cells are empty, so the widest row tells the width.
    """
    widths = sorted({len(record.fields) for record in records}, reverse=True)
    for width in widths:
        padded = [Record(record.line, (record.fields + [""] * width)[:width]) for record in records if record.fields]
        header = _find_header(_Split(0.0, ",", '"', width, padded))
        if header is not None:
            below = [record.fields for record in padded if record.line > header.line]
            count = 0
            while count < min(_MAX_FOOTER, len(below) - 1) and _is_footer_row(below[-1 - count], width):
                count += 1
            return header, count
    return None


def _count_footer(lines: Sequence[str], split: _Split, header: Record) -> int:
    """Return the number of lines below the last row that are no rows, such as totals; blank lines are not counted.

    A last line without its end may be a row that is cut off, so it is no footer.
    """
    filled = [line for line in lines[header.line :] if line.strip()]
    if not filled or not filled[-1].endswith(("\n", "\r")):
        return 0
    count = 0
    while count < min(_MAX_FOOTER, len(filled) - 1) and _is_footer(filled[-1 - count], split):
        count += 1
    return count


def _is_footer(line: str, split: _Split) -> bool:
    records = split_records([line], split.delimiter, split.quote)
    fields = [field.strip() for field in records[0].fields] if records else []
    if len(fields) != split.width and split.quote in line:
        return False  # It may be the last line of a row with line breaks.
    return _is_footer_row(fields, split.width)


def _is_footer_row(fields: Sequence[str], width: int) -> bool:
    filled = [field.strip() for field in fields if field.strip()]
    if not filled:
        return width > 1
    if is_footer(fields):
        return width == 1 or len(filled) < width
    return width > 1 and len(fields) == 1 and _REMARK.fullmatch(filled[0]) is not None
