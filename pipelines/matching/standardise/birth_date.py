"""Standardises birth dates to ISO text. Impossible dates keep their digits, so that typing errors stay comparable."""

import re
from datetime import date

from pipelines.matching.standardise.text import fold

_SEPARATED = re.compile(r"(\d{1,4})\s*[-./년]\s*(\d{1,2})\s*[-./월]\s*(\d{1,4})\s*일?(?:[ t].*)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\.0)?")
_SHORT = re.compile(r"(\d{2})(\d{2})(\d{2})(?:-?[1-8]\d*\*{0,6})?")
# Dates that systems write for an unknown date.
_PLACEHOLDERS = frozenset({"1900-01-01", "1970-01-01", "9999-12-31", "0000-00-00", "1111-11-11", "0001-01-01"})


def standardise_birth_date(text: str | None, *, day_first: bool = True) -> str | None:
    """Return a date as `yyyy-mm-dd`; `None` for text that is not a date and for placeholders such as 1900-01-01.

    Two-digit years from 00 to 29 are 20xx, others 19xx. An impossible date (month 71) keeps its digits: comparing them
    still shows a typing error.

    Args:
        text: as written in the file.
        day_first: whether 09/04/1958 is the 9th of April; otherwise it is the 4th of September.

    >>> {standardise_birth_date(t) for t in ("19580409", "1958.4.9", "09/04/1958", "1958년 4월 9일")}
    {'1958-04-09'}
    >>> standardise_birth_date("1832-71-20")
    '1832-71-20'
    >>> standardise_birth_date("880214"), standardise_birth_date("1900-01-01"), standardise_birth_date("soon")
    ('1988-02-14', None, None)
    """
    folded = fold(text)
    if folded is None:
        return None
    parts = _parts(folded, day_first)
    if parts is None:
        return None
    iso = "{:0>4}-{:0>2}-{:0>2}".format(*parts)
    return None if iso in _PLACEHOLDERS else iso


def is_possible(iso: str) -> bool:
    """Return whether the date exists in the calendar."""
    try:
        date.fromisoformat(iso)
    except ValueError:
        return False
    return True


def _parts(text: str, day_first: bool) -> tuple[str, str, str] | None:
    if match := _COMPACT.fullmatch(text):
        return match[1], match[2], match[3]
    if match := _SEPARATED.fullmatch(text):
        first, middle, last = match[1], match[2], match[3]
        if len(first) > 2:
            return first, middle, last[:2]
        if len(last) > 2:
            return (last, middle, first) if day_first else (last, first, middle)
        return _century(first), middle, last
    if match := _SHORT.fullmatch(text):
        return _century(match[1]), match[2], match[3]
    return None


def _century(two_digits: str) -> str:
    # Customers are alive: 00 to 29 are years of this century, the rest of the last one.
    return ("20" if int(two_digits) < 30 else "19") + two_digits.zfill(2)
