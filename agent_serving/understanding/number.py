"""Reads Korean numbers: digits with units (3만 5천), Sino-Korean (이만오천), native (두, 서너, 여남은)."""

from __future__ import annotations

import re

_DIGITS = dict(zip("영공일이삼사오육칠팔구", (0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)) | {"륙": 6, "두": 2, "한": 1, "세": 3, "네": 4}
_SMALL = {"십": 10, "백": 100, "천": 1000}
_LARGE = {"만": 10_000, "억": 100_000_000}

ABOUT = {
    "한두": 1, "두어": 2, "두세": 2, "두서너": 2, "서너": 3, "너댓": 4, "네댓": 4, "네다섯": 4, "너덧": 4, "댓": 5, "대여섯": 5, "대엿": 5,
    "예닐곱": 6, "일고여덟": 7, "일여덟": 7, "여덟아홉": 8, "엳아홉": 8, "여남은": 10, "여나믄": 10, "열댓": 15, "여러": 0, "몇": 0,
}  # fmt: skip
"""Words of an uncertain number, with its lower end. 0: no number."""

_ONES = {
    "하나": 1, "한": 1, "둘": 2, "두": 2, "셋": 3, "세": 3, "석": 3, "서": 3, "넷": 4, "네": 4, "넉": 4, "너": 4, "다섯": 5, "닷": 5,
    "여섯": 6, "엿": 6, "일곱": 7, "여덟": 8, "아홉": 9,
}  # fmt: skip
_TENS = {"열": 10, "스물": 20, "스무": 20, "서른": 30, "마흔": 40, "쉰": 50, "예순": 60, "일흔": 70, "여든": 80, "아흔": 90}

NATIVE = "|".join(
    sorted([*ABOUT, *_ONES, *_TENS, *(t + o for t in _TENS for o in _ONES)], key=len, reverse=True)
)
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


def sino_number(word: str) -> int | None:
    """Return the value of digits and Sino-Korean units, which may be mixed; None if it is no number.

    >>> [sino_number(w) for w in ("3만 5천", "이만오천", "만", "1.5만", "12,000", "백이십만")]
    [35000, 25000, 10000, 15000, 12000, 1200000]
    """
    text = re.sub(r"[\s,]", "", word)
    if not text:
        return None
    total, section, current = 0.0, 0.0, None
    for part in re.findall(r"\d+(?:\.\d+)?|.", text):
        if part[0].isdigit():
            current = float(part)
        elif part in _DIGITS:
            current = (current or 0) * 10 + _DIGITS[part] if current is not None else float(_DIGITS[part])
        elif part in _SMALL:
            section += (1 if current is None else current) * _SMALL[part]
            current = None
        elif part in _LARGE:
            section += current or 0
            total += (section or 1) * _LARGE[part]
            section, current = 0.0, None
        else:
            return None
    return round(total + section + (current or 0))
