"""Recognises rows that are no data: headers, totals and row counts, and lines that an open quote has swallowed."""

import re
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet

from installation.contract.document import Contract
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.header import find_positions, loose_name

# Lines that are searched for a header when the stated line is none.
HEADER_SEARCH_ROWS = 50
# Footers are searched in this many rows at the end of a file.
FOOTER_ROWS = 5
TOTAL = re.compile(
    r"\W*((grand|sub|running)?[ -]?totals?|sum|summe|gesamt(summe)?|somme|totale?s?|suma|총?합계|총계|소계"
    r"|合計|総計|小計|合计|总计|end of (file|report|export))\W*",
    re.IGNORECASE,
)
ROW_COUNT = re.compile(
    r"\W*((total|총|全)?\W*[0-9][0-9,. ]*\s*(rows?|records?|lines?|entries|zeilen|건|행|件|行)"
    r"( (affected|selected|exported))?"
    r"|(rows?|records?|row count|record count|total rows|total records|건수|행 수)\s*[:=]?\s*[0-9][0-9,. ]*)\W*",
    re.IGNORECASE,
)
# First values of subtotals between the rows; at the end of a file the expressions above are used.
TOTAL_WORDS = {"total", "subtotal", "sub total", "grand total", "sum", "합계", "소계", "총계"}
# The least share of fields that must look alike, for a line to be taken as a row of its own.
ALIKE = 0.6
_DIGITS = re.compile(r"[0-9]+")
_LETTERS = re.compile(r"[^\W\d_]+")

Row = Sequence[str | None]


def is_footer(row: Row) -> bool:
    """Return whether a row's first value is a word for a total, or a number of rows."""
    first = next((value for value in row if value and value.strip()), "")
    return len(first) <= 60 and bool(TOTAL.fullmatch(first) or ROW_COUNT.fullmatch(first))


def is_like(row: Row, other: Row) -> bool:
    """Return whether two rows have as many fields, a first value of the same shape, and mostly values alike.

    The shape of a value is its text with each run of digits and of letters as one character: N12 and K7 are alike.
    """
    if len(row) != len(other) or len(row) < 2 or _shape(row[0]) != _shape(other[0]):
        return False
    alike = sum(_shape(left) == _shape(right) for left, right in zip(row, other, strict=True))
    return alike >= ALIKE * len(row)


def find_header_row(rows: Iterable[tuple[int, Sequence[str]]], contract: Contract) -> int | None:
    """Return the number of the row that looks like the header: it has every required and most of the columns.

    `rows` are numbered; only the first `HEADER_SEARCH_ROWS` are looked at.
    """
    best, best_count = None, len(contract.columns) // 2
    for (number, names), _ in zip(rows, range(HEADER_SEARCH_ROWS), strict=False):
        try:
            positions, _ = find_positions(names, contract)
        except FileFaultError:
            continue
        if len(positions) > best_count and all(
            column.name in positions for column in contract.columns if column.required
        ):
            best, best_count = number, len(positions)
    return best


class HeaderWatch:
    """Finds rows that repeat the header, as in two exports that were pasted together.

    Raises:
        FileFaultError: in `is_header`, for a row with the header's names in another order; the rows below it would be
            read into the wrong columns.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = [loose_name(name) for name in names]
        known = {name.strip() for name in names if name.strip()}
        variants: list[Callable[[str], str]] = [str, str.lower, str.upper, str.title]
        self.starts: AbstractSet[str] = frozenset(change(name) for name in known | TOTAL_WORDS for change in variants)

    def is_header(self, row: Row, line: int) -> bool:
        """Return whether a row, whose first value is one of `starts`, repeats the header."""
        names = [loose_name(value or "") for value in row]
        if names == self._names:
            return True
        if len(names) > 1 and sorted(names) == sorted(self._names):
            reason = f"line {line} has the header's names in another order; split the file at this line"
            raise FileFaultError("header", reason, line)
        return False


def _shape(value: str | None) -> str:
    return _LETTERS.sub("a", _DIGITS.sub("9", (value or "").strip()))
