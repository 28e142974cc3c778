"""Converts dates and short codes to the standard form of the silver layer; None if a text has no such form."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

_SEPARATED = re.compile(r"(\d{4})\s*[-./년]\s*(\d{1,2})\s*[-./월]\s*(\d{1,2})\s*\.?\s*일?(?:[ T].*)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
# Placeholder dates that systems write instead of an unknown date.
_PLACEHOLDERS = frozenset({"1900-01-01", "1970-01-01", "9999-12-31"})
_POSTAL = re.compile(r"(\d{5})(?:\.0)?")
# Resident registration numbers and ISO/IEC 5218 use odd digits for men and even digits for women.
_SEX = {
    "m": "M", "male": "M", "man": "M", "남": "M", "남자": "M", "남성": "M", "1": "M", "3": "M",
    "f": "F", "female": "F", "woman": "F", "여": "F", "여자": "F", "여성": "F", "2": "F", "4": "F",
}  # fmt: skip
_TRUE = frozenset({"y", "yes", "true", "t", "1", "o", "예", "네"})
_FALSE = frozenset({"n", "no", "false", "f", "0", "x", "아니오", "아니요"})


def iso_date(text: str) -> str | None:
    """Return a date as yyyy-mm-dd. Only dates with the year first are read; None for others and for impossible dates.

    >>> [iso_date(t) for t in ("19850302", "1985.3.2", "1985년 3월 2일", "1985-13-02", "1900-01-01")]
    ['1985-03-02', '1985-03-02', '1985-03-02', None, None]
    """
    plain = _plain(text)
    match = _COMPACT.fullmatch(plain) or _SEPARATED.fullmatch(plain)
    if match is None:
        return None
    try:
        iso = date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError:
        return None
    return None if iso in _PLACEHOLDERS else iso


def sex_code(text: str) -> str | None:
    """Return a sex as F or M; None if the text is neither.

    >>> sex_code("여"), sex_code(" Male "), sex_code("2"), sex_code("9")
    ('F', 'M', 'F', None)
    """
    return _SEX.get(_plain(text).lower())


def truth(text: str) -> bool | None:
    """Return true or false for Y, N and similar texts; None for other texts.

    >>> truth("Y"), truth("아니오"), truth("?")
    (True, False, None)
    """
    plain = _plain(text).lower()
    return True if plain in _TRUE else False if plain in _FALSE else None


def postal_code(text: str) -> str | None:
    """Return a Korean postal code as five digits, without the `.0` of a number column; None for other texts.

    >>> postal_code(" 06236 "), postal_code("6236.0"), postal_code("135-080")
    ('06236', None, None)
    """
    match = _POSTAL.fullmatch(_plain(text))
    return match[1] if match else None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()
