"""Reads numbers: digits with units (3만 5천), Korean and Chinese numerals (이만오천, 二万), native (두, 여남은)."""

from __future__ import annotations

import re

_DIGITS = {
    **dict(zip("영공일이삼사오육륙칠팔구", (0, 0, 1, 2, 3, 4, 5, 6, 6, 7, 8, 9), strict=True)),
    **dict(zip("〇零一二三四五六七八九两兩", (0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 2), strict=True)),
}
_SMALL = {"십": 10, "백": 100, "천": 1000, "十": 10, "百": 100, "千": 1000}
_LARGE = {"만": 10**4, "억": 10**8, "万": 10**4, "萬": 10**4, "億": 10**8, "亿": 10**8}
NUMERALS = "".join((*_DIGITS, *_SMALL, *_LARGE))
"""Every Korean and Chinese numeral, for a class of a regular expression."""

MOST = 1e15
"""A greater number is none of a shop: it is noise, and may be no number at all."""


def _values(text: str) -> dict[str, int]:
    """Return the numbers of a line such as `1 하나 한, 2 둘 두`, by word."""
    rows = (row.split() for row in text.split(","))
    return {word: int(value) for value, *words in rows for word in words}


ABOUT = _values(
    "1 한두, 2 두어 두세 두서너, 3 서너, 4 너댓 네댓 네다섯 너덧, 5 댓 대여섯 대엿, 6 예닐곱, 7 일고여덟 일여덟, "
    "8 여덟아홉 엳아홉, 10 여남은 여나믄, 15 열댓, 0 여러 몇"
)
"""Words of an uncertain number, with its lower end. 0: no number."""

_ONES = _values("1 하나 한, 2 둘 두, 3 셋 세 석 서, 4 넷 네 넉 너, 5 다섯 닷, 6 여섯 엿, 7 일곱, 8 여덟, 9 아홉")
_TENS = _values("10 열, 20 스물 스무, 30 서른, 40 마흔, 50 쉰, 60 예순, 70 일흔, 80 여든, 90 아흔")

NATIVE = "|".join(sorted([*ABOUT, *_ONES, *_TENS, *(t + o for t in _TENS for o in _ONES)], key=len, reverse=True))
"""Regular expression of the native numbers, the longest first."""


def native_number(word: str) -> int | None:
    """Return the value of a native number; None if it is none, or says only "some".

    >>> [native_number(w) for w in ("두", "여남은", "스물두", "서너", "몇")]
    [2, 10, 22, 3, None]
    """
    if word in ABOUT:
        return ABOUT[word] or None
    if word in _ONES:
        return _ONES[word]
    for ten, value in _TENS.items():
        if word == ten:
            return value
        if word.startswith(ten) and word[len(ten) :] in _ONES:
            return value + _ONES[word[len(ten) :]]
    return None


def numeral(text: str) -> float | None:
    """Return the value of digits and numerals, which may be mixed; None if it has any other sign.

    >>> [numeral(word) for word in ("3만5천", "일억이천만", "二百", "이공일팔", "３만", "사과", "")]
    [35000.0, 120000000.0, 200.0, 2018.0, 30000.0, None, None]
    """
    text = re.sub(r"[\s,]", "", text)
    total, section, last = 0.0, 0.0, None
    for part in re.findall(r"\d+(?:\.\d+)?|.", text):
        if part in _SMALL:
            section += (1 if last is None else last) * _SMALL[part]
            last = None
        elif part in _LARGE:
            section += last or 0
            total += (section or 1) * _LARGE[part]
            section, last = 0.0, None
        elif part[0].isdecimal() or part in _DIGITS:
            digit = float(part) if part[0].isdecimal() else _DIGITS[part]
            # Digits one after another, as in 이공일팔.
            last = digit if last is None else last * 10 + digit
        else:
            return None
    return total + section + (last or 0) if text else None


def sino_number(word: str) -> int | None:
    """Return the value of digits and numerals as a whole number; None if it is no number of a shop.

    >>> [sino_number(w) for w in ("3만 5천", "이만오천", "만", "1.5만", "12,000", "백이십만")]
    [35000, 25000, 10000, 15000, 12000, 1200000]
    """
    value = numeral(word)
    return None if value is None or value > MOST else round(value)
