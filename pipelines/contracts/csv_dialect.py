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

DELIMITERS = (",", ";", "\t", "|")
# Tried only when none of the above fits: these characters also stand inside times and texts.
RARE_DELIMITERS = ("^", "~", ":", "\x1f", "\x01")
QUOTES = ('"', "'")
_DETECTED_LINES = 2000
_HEADER_LINES = 60
_MAX_FOOTER = 10
_FITTING = 0.5
# Worth of a file with one column: less than that of a consistent split.
_SINGLE_COLUMN = 0.55
_NUMBER = re.compile(r"[-+(]{0,2}\s?[^\w\s\"']{0,2}[A-Z]{0,3}\s?[-+]?\d[\d.,'\u2019 \u00a0]*(?:[eE][+-]?\d+)?\)?-?\s?[^\w\s]?[A-Z]{0,3}원?\)?-?")
_TIME = re.compile(r"\d{1,4}([-/.]|년 ?)\d{1,2}([-/.]|월 ?)\d{1,4}.{0,30}|\d{1,2}:\d{2}(:\d{2}.*)?")
_PLAIN_WORD = re.compile(r"[\w.@#&%/+-]+")
_TOTAL = re.compile(r"\W*(grand |sub)?(total|totals|sum|summe|gesamt|somme|suma|합계|총계|소계|총합계|계)\b.*", re.IGNORECASE)
_REMARK = re.compile(r".*(:|\s).*|-+|=+|\*+")


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
    """No line looks like a header. `line` is the first full record; `data_fields` of its `fields` look like data."""

    def __init__(self, line: int, data_fields: int, fields: int) -> None:
        super().__init__(line, data_fields, fields)
        self.line, self.data_fields, self.fields = line, data_fields, fields


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
        raise NoHeaderError(first.line, data, len(first.fields))
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
    # Title lines above the header do not count; lines swallowed by a broken quote do.
    consistency = count / max(1, len(records) - min(first, _HEADER_LINES))
    share_of_lines = min(1.0, (len(records) + 1) / max(1, sum(1 for line in lines if line.strip())))
    full = [record for record in records if len(record.fields) == width]
    fields = [field for record in full[:200] for field in record.fields]
    clean = sum(_cleanness(field) for field in fields) / len(fields)
    draft = _Split(0.0, delimiter, quote, width, records)
    header = _find_header(draft)
    likeness = 1.0 if header is not None else 0.7
    score = consistency**2 * math.sqrt(share_of_lines) * clean * likeness * (1 + 0.02 * math.log2(width))
    score *= _quote_weight(lines, delimiter, quote)
    return draft._replace(score=score)


def _quote_weight(lines: Sequence[str], delimiter: str, quote: str) -> float:
    """Return a factor that prefers the quote character which wraps fields; the double quote if neither does."""
    if quote == '"':
        return 1.0
    edge = re.escape(delimiter)
    wraps = {mark: re.compile(f"(?:^|{edge}){mark}(?:[^{mark}]|{mark}{mark})*{mark}(?:{edge}|[\r\n]|$)") for mark in QUOTES}
    single, double = (any(wraps[mark].search(line) for line in lines[:500]) for mark in ("'", '"'))
    return 1.05 if single and not double else 0.97


def _single(lines: Sequence[str]) -> _Split:
    """Return the lines as records of one field; its delimiter is a comma, which no field contains or all are quoted."""
    records = split_records(lines, ",", '"')
    if any(len(record.fields) != 1 for record in records[:200]):
        records = [Record(number, [line.rstrip("\r\n")]) for number, line in enumerate(lines, 1) if line.strip()]
    return _Split(_SINGLE_COLUMN, ",", '"', 1, records)


def _cleanness(field: str) -> float:
    """Return how much a field looks like one whole value: 1 for numbers, times and words, less for texts with marks."""
    text = field.strip()
    if not text or _PLAIN_WORD.fullmatch(text) or _NUMBER.fullmatch(text) or _TIME.fullmatch(text):
        return 1.0
    if text[0] == text[-1] and text[0] in QUOTES and len(text) > 1:
        return 0.3
    if any(mark in text for mark in ("\t", ";", "|")) or text[0] in QUOTES or text[-1] in QUOTES:
        return 0.5
    return 0.9


def _find_header(split: _Split) -> Record | None:
    """Return the first full record whose fields are all filled, differ from each other and do not look like data."""
    for record in split.records[:_HEADER_LINES]:
        if len(record.fields) != split.width:
            continue
        named = [field for field in record.fields if field.strip()]
        # Exports of data frames leave the header of the row numbers empty.
        if len(named) < len(record.fields) - (not record.fields[0].strip() and len(record.fields) > 2):
            continue
        below = _columns_below(split, record)
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


def _count_footer(lines: Sequence[str], split: _Split, header: Record) -> int:
    """Return the number of lines below the last row that are no rows, such as totals. Blank lines at the end are not
    counted, and neither is a last line without its end, which may be a row that is cut off."""
    last = len(lines)
    while last and not lines[last - 1].strip():
        last -= 1
    if last <= header.line or not lines[last - 1].endswith(("\n", "\r")):
        return 0
    keys = {_mask(record.fields[0].strip()) for record in split.records if record.line > header.line + 0}
    first = last
    while first - 1 > header.line and last - first < _MAX_FOOTER:
        line = lines[first - 1]
        if line.strip() and not _is_footer(line, split, keys):
            break
        first -= 1
    while first < last and not lines[first].strip():
        first += 1
    return last - first


def _is_footer(line: str, split: _Split, keys: set[str]) -> bool:
    records = split_records([line], split.delimiter, split.quote)
    fields = [field.strip() for field in records[0].fields] if records else []
    filled = [field for field in fields if field]
    if not filled:
        return split.width > 1
    is_total = _TOTAL.fullmatch(filled[0]) is not None
    if split.width == 1:
        return is_total and line.rstrip("\r\n").count(" ") < 4
    if len(fields) == split.width:
        return is_total and len(filled) < len(fields)
    if split.quote in line:
        return False  # It may be the last line of a row with line breaks.
    return is_total or (len(fields) == 1 and _REMARK.fullmatch(filled[0]) is not None)
