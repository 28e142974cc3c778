"""Reads the values that a text states: money, percentages, floors, times, dates, phone and other numbers.

Numbers are read as digits, Korean and Chinese numerals (만 이천 원, 一万二千), mixed forms (3만5천원) and English
words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from agent_serving.understanding.number import NUMERALS, numeral


class ValueKind(StrEnum):
    """What a value measures. `money` is in the currency's unit, `floor` is negative below ground, `time` in minutes.

    `date` is month * 100 + day; a year is a number. `phone` is its digits as a number.
    """

    MONEY = "money"
    PERCENT = "percent"
    FLOOR = "floor"
    TIME = "time"
    DATE = "date"
    PHONE = "phone"
    NUMBER = "number"
    COUNT = "count"


class Value(NamedTuple):
    """One value and where it is stated.

    `bound` is `most`, `least` or `about` for a limit such as "under 50,000 won"; None for a price. `unit` is that of
    money: `won`, `usd` or `other`.
    """

    kind: ValueKind
    number: float
    start: int
    end: int
    bound: str | None = None
    unit: str = ""


_NATIVE = {
    "한": 1, "하나": 1, "두": 2, "둘": 2, "세": 3, "셋": 3, "네": 4, "넷": 4, "다섯": 5, "여섯": 6, "일곱": 7,
    "여덟": 8, "아홉": 9, "열": 10, "열한": 11, "열두": 12,
}  # fmt: skip
_TO_NINETEEN = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINAL_WORDS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh"
_ENGLISH = {word: number for number, word in enumerate(_TO_NINETEEN.split())} | {
    word: 10 * number for number, word in enumerate(_TENS.split(), 2)
}
_ORDINALS = {word: number for number, word in enumerate(_ORDINAL_WORDS.split(), 1)}
_SCALES = {"hundred": 100, "thousand": 1000, "k": 1000, "million": 10**6}
_MIXED = rf"(?:\d[\d,]*(?:\.\d+)?|[{NUMERALS}])(?:\s?(?:\d[\d,]*|[{NUMERALS}]))*"


def _alternatives(words: Iterable[str], length: int | None = None) -> str:
    """Return the words, or those of a length, as alternatives of a pattern, the longest first."""
    return "|".join(word for word in sorted(words, key=len, reverse=True) if length in (None, len(word)))


_WORDS = _alternatives((*_ENGLISH, *_SCALES, "and"))
_EN_NUMBER = rf"(?:(?:\d[\d,]*(?:\.\d+)?|(?:{_alternatives(_ENGLISH)}))(?:[\s-]*(?:{_WORDS}|\d[\d,]*)\b)*)"
_WON = r"(?:\s?(?:원|₩|KRW|won\b|ウォン|円|엔|元|块|달러|dollars?\b|USD|위안|유로|euros?\b|yen\b|韩元|韓元|韩币))"
_UNITS = {"won": r"원|₩|￦|\\\\|KRW|won|ウォン|韩元|韓元|韩币", "usd": r"\$|USD|달러|dollar"}
_BOUND = re.compile(
    r"\s?(?:(?P<most>이하|이내|미만|안에서|以下|以内|未満|未满|内|or less)|(?P<least>이상|초과|넘|以上|or more)"
    r"|(?P<about>대|정도|안팎|예산|程度|左右|budget))",
    re.IGNORECASE,
)
_BOUND_BEFORE = re.compile(
    r"(?:(?P<most>under|below|within|up to|at most|less than)|(?P<least>over|above|more than|at least)"
    r"|(?P<about>budget of|between|around|about))\s*(?:₩|KRW)?\s*$",
    re.IGNORECASE,
)
_HOUR = r"(?:\d{1,2}|(?<![가-힣])(?:열한|열두|열|한|두|세|네|다섯|여섯|일곱|여덟|아홉))"
_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_TH, _FLOOR_SIGN = "(?:st|nd|rd|th)", "(?:층|階|楼|樓|层|層)"
# Not 시간, 시작 and other words that begin with 시.
_HOUR_SIGN = r"\s?(?:시|時|点|點)(?!간|작|즌|설|즈|그|럽|리|음|식|장|스|계|점|술|내|도|어)"
_FORMS: tuple[tuple[ValueKind, tuple[str, ...]], ...] = (
    (ValueKind.DATE, (
        r"(?:(?P<y>\d{4})\s?[-./년年]\s?)?(?P<m>\d{1,2})\s?[월月]\s?(?P<d>\d{1,2})\s?[일日号]",
        r"(?P<y2>\d{4})\s?[-./]\s?(?P<m2>\d{1,2})\s?[-./]\s?(?P<d2>\d{1,2})(?!\d)",
        rf"(?P<month>{_MONTH})[a-z]*\.?\s(?P<d3>\d{{1,2}}){_TH}?\b",
        rf"(?<!\d)(?P<d4>\d{{1,2}}){_TH}?\s(?:of\s)?(?P<month2>{_MONTH})[a-z]*\b",
    )),
    (ValueKind.PHONE, (
        r"(?<![\d,])\+?\d{2,4}[-)\s.]\s?\d{3,4}[-\s.]\d{4}(?!\d)",
        r"(?<!\d)1[568]\d{2}-\d{4}(?!\d)",
    )),
    (ValueKind.TIME, (
        r"(?P<h>\d{1,2}):(?P<min>\d{2})(?!\d)\s?(?P<ap1>[ap]\.?m\b\.?)?",
        r"(?P<h2>\d{1,2})\s?(?P<ap2>[ap]\.?m\b\.?|o'clock)",
        rf"(?P<h3>{_HOUR}|(?<![가-힣])[{NUMERALS}]{{1,3}}){_HOUR_SIGN}"
        rf"\s?(?:(?P<m3>\d{{1,2}}|[{NUMERALS}]{{1,3}})\s?[분分]|(?P<half>[반半]))?",
    )),
    (ValueKind.FLOOR, (
        r"(?P<below>지하|地下|basement\s|负)?\s?"
        rf"(?P<f>\d{{1,2}}|[{NUMERALS}]{{1,3}}|{_alternatives(_NATIVE, 2)})\s?{_FLOOR_SIGN}",
        rf"(?<![A-Za-z])(?P<b>B)\s?(?P<fb>\d{{1,2}})(?:\s?F|{_FLOOR_SIGN})?(?![A-Za-z0-9])",
        r"(?<![A-Za-z0-9])(?P<f2>\d{1,2})\s?F(?![A-Za-z])",
        rf"(?P<f3>\d{{1,2}}){_TH}\s+(?P<below2>basement\s)?(?:floor|level|basement)",
        r"(?:floor|level)\s+(?P<below3>B)?(?P<f4>\d{1,2})\b",
        rf"\b(?P<o>{_alternatives(_ORDINALS)})[\s-]+(?P<below4>basement\s)?(?:floor|level)",
        rf"(?:floor|level)\s+(?P<w>{_alternatives(_ENGLISH)})\b",
        r"(?P<base>basement floor)|(?<![A-Za-z])(?P<roof>RF)(?![A-Za-z])",
    )),
    (ValueKind.MONEY, (
        rf"(?:₩|\\|KRW|USD|\$|￦|€|¥|￥)\s?(?P<n1>{_EN_NUMBER}|{_MIXED})",
        rf"(?P<n2>{_MIXED}){_WON}",
        rf"\b(?P<n3>{_EN_NUMBER}){_WON}",
    )),
    (ValueKind.PERCENT, (
        rf"(?P<n1>\d[\d,]*(?:\.\d+)?|[{NUMERALS}]{{1,4}})\s?(?:%|퍼센트|프로(?![가-힣])|パーセント)",
        rf"\b(?P<n2>{_EN_NUMBER})\s?(?:percent|per cent|%)",
        rf"百分之(?P<n3>[{NUMERALS}]{{1,4}}|\d+)",
        r"(?P<n4>half)[\s-]price|(?P<n5>반값|半額|半价)",
        r"(?P<n6>[1-9一二三四五六七八九](?:\.\d)?)\s?折|(?P<n7>[1-9一二三四五六七八九])\s?割",
    )),
    (ValueKind.COUNT, (
        rf"(?P<n1>\d{{1,2}}|{_alternatives(_NATIVE)})\s?(?:개|가지|곳|건|종류|종|명|분|번째|군데)(?!월|년|사|일)",
        r"(?P<n2>\d{1,2})\s?(?:つ|件|个|個|款|家|種類|种)",
        r"(?:^|\n)\s*(?P<n3>\d{1,2})[.)](?=\s)",
    )),
    # Korean numerals without a unit count from three on, since 이 and 만 are also other words.
    (ValueKind.NUMBER, (
        r"(?<![A-Za-z])(?P<n1>\d[\d,]*(?:\.\d+)?(?:\s?[만천백억万千百]\s?(?:\d[\d,]*\s?[천백십]?)?)?)",
        rf"(?P<n2>[{NUMERALS}]{{3,}})",
    )),
    (ValueKind.NUMBER, (rf"\b(?P<n1>(?:{_alternatives(_ENGLISH)})[\s-]+(?:{_WORDS})(?:[\s-]+(?:{_WORDS}))*)\b",)),
)  # fmt: skip
"""The forms of each kind, in the order in which they are read: what one form has read, no later one reads again."""
_PATTERNS = tuple((kind, re.compile("|".join(forms), re.IGNORECASE)) for kind, forms in _FORMS)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def read_values(text: str) -> list[Value]:
    """Return the values of a text in their order. `text` is in NFKC.

    >>> [(v.kind.value, v.number) for v in read_values("1만 2천원, 지하 1층, 오후 8시 반, 30% 할인")]
    [('money', 12000), ('floor', -1), ('time', 1230), ('percent', 30)]
    """
    found: list[Value] = []
    rest = text
    for kind, form in _PATTERNS:
        for match in form.finditer(rest):
            value = _value(kind, match, text)
            if value is not None:
                found.append(value)
        # Taken out, so that no part of it is read again as another kind.
        for one in found:
            rest = rest[: one.start] + "\0" * (one.end - one.start) + rest[one.end :]
    return sorted(found, key=lambda value: value.start)


def number_of(text: str) -> float | None:
    """Return the number that a phrase of digits and numerals stands for; None if it is none."""
    text = text.strip().replace(",", "").lower()
    if not text:
        return None
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text) if "." in text else int(text)
    if re.search(r"[a-z]", text):
        return _english_number(text)
    return _plain(numeral(text))


def _plain(value: float | None) -> float | None:
    return int(value) if value is not None and float(value).is_integer() else value


def _english_number(text: str) -> float | None:
    total: float = 0
    part: float = 0
    for word in re.findall(r"\d+(?:\.\d+)?|[a-z]+", text):
        if word[0].isdigit():
            part += float(word)
        elif word in _ENGLISH:
            part += _ENGLISH[word]
        elif word == "hundred":
            part = (part or 1) * 100
        elif word in _SCALES:
            total += (part or 1) * _SCALES[word]
            part = 0
        elif word != "and":
            return None
    return _plain(total + part)


def _value(kind: ValueKind, match: re.Match[str], text: str) -> Value | None:
    number = _READERS[kind](match, text)
    if number is None:
        return None
    if kind is not ValueKind.MONEY:
        return Value(kind, number, match.start(), match.end())
    bound = _BOUND.match(text, match.end()) or _BOUND_BEFORE.search(text[: match.start()])
    unit = next((name for name, form in _UNITS.items() if re.search(form, match[0], re.IGNORECASE)), "other")
    return Value(kind, number, match.start(), match.end(), None if bound is None else bound.lastgroup, unit)


def _first(match: re.Match[str], names: Iterator[str] | tuple[str, ...]) -> str | None:
    return next((match[name] for name in names if match[name] is not None), None)


def _plain_number(match: re.Match[str], text: str) -> float | None:
    names = tuple(match.re.groupindex)
    phrase = _first(match, names)
    return None if phrase is None else _NATIVE.get(phrase, number_of(phrase))


def _percent(match: re.Match[str], text: str) -> float | None:
    if match["n4"] or match["n5"]:
        return 50
    if match["n6"]:
        return 100 - 10 * (number_of(match["n6"]) or 0)
    if match["n7"]:
        return 10 * (number_of(match["n7"]) or 0)
    return number_of(_first(match, ("n1", "n2", "n3")) or "")


def _date(match: re.Match[str], text: str) -> float | None:
    word = match["month"] or match["month2"]
    month = _MONTHS.index(word[:3].lower()) + 1 if word else int(match["m"] or match["m2"])
    return month * 100 + int(_first(match, ("d", "d2", "d3", "d4")) or 0)


def _phone(match: re.Match[str], text: str) -> float | None:
    return int("".join(filter(str.isdigit, match[0])))


def _time(match: re.Match[str], text: str) -> float | None:
    phrase = _first(match, ("h", "h2", "h3")) or ""
    hour = _NATIVE.get(phrase, number_of(phrase))
    if hour is None or hour > 24:
        return None
    minute = number_of(match["min"] or match["m3"] or "0") or (30 if match["half"] else 0)
    half_day = (match["ap1"] or match["ap2"] or "").lower()
    before = text[max(0, match.start() - 5) : match.start()]
    is_late = half_day.startswith("p") or re.search(r"오후|저녁|밤|午後|下午|晚上|夜", before) is not None
    if is_late and hour < 12:
        hour += 12
    elif hour == 12 and (half_day.startswith("a") or re.search(r"오전|새벽|午前|凌晨", before) is not None):
        hour = 0
    return hour * 60 + minute


def _floor(match: re.Match[str], text: str) -> float | None:
    if match["roof"]:
        return 99
    if match["base"]:
        return -1
    phrase = _first(match, ("f", "fb", "f2", "f3", "f4")) or ""
    if phrase == "이" and " " in match[0]:  # this floor
        return None
    if match["o"] or match["w"]:
        word = (match["o"] or match["w"]).lower()
        number: float | None = _ORDINALS.get(word, _ENGLISH.get(word))
    else:
        number = _NATIVE.get(phrase, number_of(phrase))
    if number is None:
        return None
    is_below = (
        any(match[name] for name in ("below", "b", "below2", "below3", "below4")) or "basement" in match[0].lower()
    )
    return -number if is_below else number


_READERS = {
    ValueKind.DATE: _date, ValueKind.PHONE: _phone, ValueKind.TIME: _time, ValueKind.FLOOR: _floor,
    ValueKind.MONEY: _plain_number, ValueKind.PERCENT: _percent, ValueKind.COUNT: _plain_number,
    ValueKind.NUMBER: _plain_number,
}  # fmt: skip
