"""Reads dates and times from text: ISO 8601, or a Java date format that the contract states.

A time in text is a wall time, with its offset if the text states one. Fractions of a second beyond the sixth digit are
cut off.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from functools import cache

from pipelines.ingest.value_fault import ValueFaultError
from privacy.contract.zone import read_zone

_OFFSET = r"Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?"
_ISO = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    rf"(?:[ Tt]([0-9]{{2}}):([0-9]{{2}})(?::([0-9]{{2}})(?:[.,]([0-9]+))?)?(?: ?({_OFFSET}))?)?"
)
# Abbreviations that name one zone. Others, such as CST and IST, are used for several.
_ZONE_NAMES = {"UTC": 0, "GMT": 0, "Z": 0, "KST": 9, "JST": 9}
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_KOREAN_DAYS = "월화수목금토일"
_TOKEN = re.compile(r"'((?:[^']|'')*)'|([a-zA-Z])\2*|[\[\]]|[^a-zA-Z'\[\]]+")
_MONTH_NAME = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in _MONTHS).replace("sep(?:", "sept?(?:")
_DAY_NAME = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in _DAYS) + f"|[{_KOREAN_DAYS}](?:요일)?"
# The parts of a Java format: the field, and the regular expression of its text.
_PARTS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("yyyy", "uuuu", "y", "u"), ("year", "[0-9]{4}")),
    **dict.fromkeys(("yy", "uu"), ("short_year", "[0-9]{2}")),
    **dict.fromkeys(("M", "L"), ("month", "[0-9]{1,2}")),
    **dict.fromkeys(("MM", "LL"), ("month", "[0-9]{2}")),
    **dict.fromkeys(("MMM", "MMMM", "LLL", "LLLL"), ("month_name", rf"(?:{_MONTH_NAME})\.?")),
    "d": ("day", "[0-9]{1,2}"),
    "dd": ("day", "[0-9]{2}"),
    "H": ("hour", "[0-9]{1,2}"),
    "HH": ("hour", "[0-9]{2}"),
    "h": ("half_hour", "[0-9]{1,2}"),
    "hh": ("half_hour", "[0-9]{2}"),
    "m": ("minute", "[0-9]{1,2}"),
    "mm": ("minute", "[0-9]{2}"),
    "s": ("second", "[0-9]{1,2}"),
    "ss": ("second", "[0-9]{2}"),
    **dict.fromkeys(("S" * count for count in range(1, 10)), ("fraction", "[0-9]{1,9}")),
    "a": ("half", r"[ap]\.?m\.?|오전|오후"),
    **dict.fromkeys(("E", "EE", "EEE", "EEEE"), ("day_name", rf"(?:{_DAY_NAME})\.?")),
    **dict.fromkeys(("X", "XX", "XXX", "x", "xx", "xxx", "Z", "ZZZZZ"), ("offset", _OFFSET)),
    **dict.fromkeys(("z", "zzz"), ("offset", rf"(?:{'|'.join(_ZONE_NAMES)})|{_OFFSET}")),
    "VV": ("zone", "[A-Za-z_]+(?:/[A-Za-z_+0-9-]+)*"),
}
_LETTERS = "yyyy yy MM M MMM dd d EEE HH H hh h a mm ss SSS XXX z VV"


@dataclass(frozen=True)
class TextTime:
    """A time as a text states it: the wall time, and its zone; None if the text states no zone."""

    wall: datetime.datetime
    zone: datetime.tzinfo | None = None


@dataclass(frozen=True)
class TimeFormat:
    """A compiled Java date format. `fields` are its parts; `read` reads a text."""

    text: str
    pattern: re.Pattern[str]
    fields: frozenset[str]

    def read(self, text: str, year_pivot: int | None, latest: datetime.date | None = None) -> TextTime:
        """Return the time that a text states in this format.

        Args:
            text: the text, without spaces around it.
            year_pivot: two-digit years from this number on are 19yy, smaller ones 20yy.
            latest: last possible day; a two-digit year that would be later belongs to the century before.

        Raises:
            ValueFaultError: the text does not have this format.
            ValueError: there is no such day or time.

        """
        match = self.pattern.fullmatch(text)
        if match is None:
            raise ValueFaultError
        found = {name: value for name, value in match.groupdict().items() if value is not None}
        moment = datetime.datetime(
            _year(found, year_pivot),
            _month(found),
            int(found["day"]),
            _hour(found),
            int(found.get("minute", 0)),
            int(found.get("second", 0)),
            _microseconds(found.get("fraction")),
        )
        if "short_year" in found and latest is not None and moment.date() > latest:
            moment = moment.replace(year=moment.year - 100)
        if "day_name" in found and not _is_day(found["day_name"], moment):
            raise ValueFaultError("type", "the day of the week does not fit the date")
        return TextTime(moment, _zone(found))


@cache
def time_format(java: str) -> TimeFormat:
    """Return a Java date format in compiled form. Parts in `[ ]` may be missing in the text.

    Raises:
        ValueError: the format has a part that is not supported, or does not state a day or time completely.

    """
    pattern = ""
    fields: list[str] = []
    depth = 0
    for token in _TOKEN.finditer(java):
        part = token.group(0)
        if part == "[":
            pattern, depth = pattern + "(?:", depth + 1
        elif part == "]":
            pattern, depth = pattern + ")?", depth - 1
        elif part.startswith("'"):
            pattern += re.escape(token.group(1).replace("''", "'") or "'")
        elif token.group(2) is None:
            pattern += re.escape(part)
        elif part in _PARTS:
            field, form = _PARTS[part]
            fields.append(field)
            pattern += f"(?P<{field}>{form})"
        else:
            raise ValueError(
                f"date format {java!r} has the unknown part {part!r}; expected {', '.join(_LETTERS.split())}"
            )
        if depth < 0:
            break
    if depth != 0 or _TOKEN.sub("", java):
        raise ValueError(f"date format {java!r} has an unclosed quote or bracket")
    _check_fields(java, fields)
    return TimeFormat(java, re.compile(pattern, re.IGNORECASE), frozenset(fields))


def read_iso(text: str) -> TextTime:
    """Return the time of an ISO 8601 text: a day, or a day and a time to the minute or finer, with or without zone.

    The zone is `Z`, `UTC`, `GMT` or an offset such as `+09`, `+0900` and `+09:00`, also after a space.

    Raises:
        ValueFaultError: the text has another form.
        ValueError: there is no such day or time.

    """
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueFaultError
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    moment = datetime.datetime(
        int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), _microseconds(fraction)
    )
    return TextTime(moment, None if offset is None else _read_offset(offset))


def is_iso(date_format: str | None) -> bool:
    """Return whether a Java format is ISO 8601 without time zone, to the second; None is ISO 8601."""
    return date_format is None or date_format.replace("'T'", " ") == "yyyy-MM-dd HH:mm:ss"


def _check_fields(java: str, fields: list[str]) -> None:
    twice = {field for field in fields if fields.count(field) > 1}
    if twice:
        raise ValueError(f"date format {java!r} states the {twice.pop().replace('_', ' ')} twice")
    known = set(fields)
    for field, alternatives in {
        "year": {"year", "short_year"}, "month": {"month", "month_name"}, "day": {"day"},
    }.items():  # fmt: skip
        if len(known & alternatives) != 1:
            raise ValueError(f"date format {java!r} must state the {field} once")
    if ("half_hour" in known) != ("half" in known):
        raise ValueError(f"date format {java!r} must state both the hour h and the half of the day a, or H alone")
    if {"hour", "half_hour"} <= known or {"offset", "zone"} <= known:
        raise ValueError(f"date format {java!r} states the hour or the zone twice")
    order = [("minute", {"hour", "half_hour"}), ("second", {"minute"}), ("fraction", {"second"})]
    for field, needed in order:
        if field in known and not known & needed:
            raise ValueError(f"date format {java!r} states the {field} but not the larger unit before it")


def _year(found: dict[str, str], pivot: int | None) -> int:
    if "year" in found:
        return int(found["year"])
    if pivot is None:
        raise ValueFaultError("type", "a two-digit year: state yearPivot in the contract")
    short = int(found["short_year"])
    return (1900 if short >= pivot else 2000) + short


def _month(found: dict[str, str]) -> int:
    if "month" in found:
        return int(found["month"])
    return next(number for number, name in enumerate(_MONTHS, 1) if name[:3] == found["month_name"][:3].lower())


def _hour(found: dict[str, str]) -> int:
    if "half" not in found:
        return int(found.get("hour", 0))
    hour = int(found["half_hour"])
    if not 1 <= hour <= 12:
        raise ValueFaultError
    is_afternoon = found["half"][0].lower() == "p" or found["half"] == "오후"
    return hour % 12 + 12 * is_afternoon


def _microseconds(fraction: str | None) -> int:
    return int(fraction[:6].ljust(6, "0")) if fraction else 0


def _zone(found: dict[str, str]) -> datetime.tzinfo | None:
    if "zone" in found:
        try:
            return read_zone(found["zone"])
        except ValueError as error:
            raise ValueFaultError("time_zone", "the zone is not an IANA time zone") from error
    return _read_offset(found["offset"]) if "offset" in found else None


def _read_offset(text: str) -> datetime.tzinfo:
    hours = _ZONE_NAMES.get(text.upper())
    if hours is not None:
        return datetime.timezone(datetime.timedelta(hours=hours))
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if int(digits[:2]) > 14 or int(digits[2:]) > 59:
        raise ValueFaultError("time_zone", "the offset is larger than any time zone's")
    return datetime.timezone(-offset if text[0] == "-" else offset)


def _is_day(name: str, moment: datetime.datetime) -> bool:
    weekday = moment.weekday()
    return name[0] == _KOREAN_DAYS[weekday] or _DAYS[weekday].startswith(name[:3].lower())
