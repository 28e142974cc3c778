"""Guesses how dates and times are written: the Java format of texts, the unit of numbers.

The separators and the lengths of the digits of a text leave few formats, such as dd/MM/yyyy and MM/dd/yyyy. The readers
of ingest then decide which of them the values have. Where several have all values, the guess lists the doubt.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

from pipelines.contracts.reading import Reading, count_misfits

_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DAY = "mon|tue|wed|thu|fri|sat|sun"
_TEXT = re.compile(
    rf"(?:(?P<weekday>(?:{_DAY})[a-z]*\.?),? )?"
    rf"(?:(?P<compact>\d{{8}}|\d{{6}})|(?P<first>\d{{1,4}}|(?:{_MONTH})[a-z]*\.?)(?P<s1>년 ?|\. |[-/. ])"
    rf"(?P<second>\d{{1,2}}|(?:{_MONTH})[a-z]*\.?)(?P<s2>월 ?|\. |, |[-/. ])"
    r"(?P<third>\d{4}|\d{1,2})(?P<end>일|\.)?)"
    r"(?P<glue>T|, | )?"
    r"(?:(?P<before>오전|오후) ?)?"
    r"(?:(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<s>\d{2})(?P<mark>[.,])?(?P<fraction>\d{1,9})?)?"
    r"|(?P<clock>\d{4}|\d{6}|\d{9}))?"
    r"(?P<gap> )?(?P<after>[ap]\.?m\.?)?"
    r"(?: ?(?P<zone>Z|UTC|GMT|KST|[+-]\d{2}(?::?\d{2})?))?",
    re.IGNORECASE,
)
# Times of logs: Java's and C's default form, and that of web servers.
_LOG_FORMATS = (
    (
        re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d{1,2} \d{2}:\d{2}:\d{2} [A-Z]{3,4} \d{4}"),
        "EEE MMM d HH:mm:ss z yyyy",
    ),
    (re.compile(r"\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}"), "dd/MMM/yyyy:HH:mm:ss XXX"),
)
_NUMBER = re.compile(r"\d{4,19}(?:\.\d+)?")
_WORDS: dict[str, list[str]] = json.loads(resources.files(__package__).joinpath("header_kind.json").read_text("utf-8"))
_TIME_WORDS, _BIRTH_WORDS = frozenset(_WORDS["time"]), frozenset(_WORDS["birth"])
_CODE_WORDS, _FUTURE_WORDS = frozenset(_WORDS["code"]), frozenset(_WORDS["future"])
_UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
# Numbers are taken for times only between these days. Ten-digit phone numbers without their zero are below the second.
_FIRST, _FIRST_UNNAMED = datetime(2000, 1, 1, tzinfo=UTC), datetime(2005, 1, 1, tzinfo=UTC)
_YEARS_AHEAD = 6
_EXCEL_DAYS = (20_000, 60_000)
_EXCEL_UNNAMED = (36_000, 55_000)
_SECONDS_A_DAY = 86_400
_MIN_UNNAMED = 5
_YEARS_VALID = 20
_MOSTLY = 0.6


@dataclass(frozen=True)
class TimeHint:
    """What is known about a column beside its values: the words of its header, the date order of other columns."""

    words: frozenset[str] = frozenset()
    today: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    day_first: bool | None = None

    @property
    def is_time(self) -> bool:
        """Whether the header names a date or a time."""
        return bool(self.words & _TIME_WORDS) and not self.is_code

    @property
    def is_birth(self) -> bool:
        """Whether the header names a date of birth."""
        return bool(self.words & _BIRTH_WORDS)

    @property
    def is_code(self) -> bool:
        """Whether the header names an identifier."""
        return bool(self.words & _CODE_WORDS)


def is_code_name(name: str) -> bool:
    """Return whether a column name is that of an identifier: its last word is `no`, `id`, `code` or similar."""
    return name.split("_")[-1] in _CODE_WORDS


def guess_time(texts: Sequence[str], allowed: int, hint: TimeHint) -> Reading | None:
    """Return how texts are read as dates or times, with at most `allowed` misfits; None if they are none."""
    candidates = list(_candidates(texts, hint))
    best: Reading | None = None
    fewest = allowed + 1
    equal: list[Reading] = []
    for candidate in candidates:
        misfits = count_misfits(candidate, texts)
        if misfits < fewest:
            best, fewest, equal = candidate, misfits, [candidate]
        elif misfits == fewest and best is not None:
            equal.append(candidate)
    if best is None:
        return None
    return _with_order(best, equal, texts, hint)


def guess_unit(numbers: Sequence[str], allowed: int, hint: TimeHint) -> Reading | None:
    """Return how numbers are read as times: units since 1970, or days of a spreadsheet; None if they are none.

    Without a header that names a time, all numbers must lie in the plausible range.
    """
    if hint.is_code or not numbers:
        return None
    fitting = [text for text in numbers if _NUMBER.fullmatch(text)]
    if len(numbers) - len(fitting) > allowed:
        return None
    values = [float(text) for text in fitting]
    last = hint.today + timedelta(days=365 * (_YEARS_AHEAD if hint.is_time else 1))
    first = _FIRST if hint.is_time else _FIRST_UNNAMED
    if not hint.is_time and len(set(values)) < _MIN_UNNAMED:
        return None
    spared = allowed if hint.is_time else 0
    for unit, factor in _UNITS.items():
        low, high = first.timestamp() * factor, last.timestamp() * factor
        outside = sum(not low <= value <= high for value in values) + len(numbers) - len(fitting)
        if outside <= spared:
            years = f"between {first:%Y} and {last:%Y}"
            evidence = f"{unit} since 1970, because {'most' if outside else 'the'} numbers then lie {years}"
            doubt = f"{outside} of {len(numbers)} values do not lie {years}; a 0 is read as 1970 and may mean no time"
            custom = {"timeUnit": unit}
            reading = Reading("timestamp", "timestamp_ntz", {}, custom, evidence, (doubt,) if outside else ())
            return reading if count_misfits(reading, numbers) <= allowed else None
    return _guess_excel(numbers, values, allowed, hint)


def likely_unit(numbers: Sequence[str], today: datetime) -> str | None:
    """Return the unit in which most of these whole numbers would be times of the last years; None if there is none.

    It serves as a doubt only: prices lie between the days of a spreadsheet, too.

    >>> likely_unit([str(1496275200 + n) for n in range(9)] + ["0"], TimeHint().today)
    'seconds'
    >>> likely_unit([str(42887 + n) for n in range(9)], TimeHint().today)
    'excel_days'
    """
    values = [float(text) for text in numbers if _NUMBER.fullmatch(text)]
    first, last = _FIRST_UNNAMED.timestamp(), (today + timedelta(days=366)).timestamp()
    ranges = {unit: (first * factor, last * factor) for unit, factor in _UNITS.items()} | {"excel_days": _EXCEL_UNNAMED}
    for unit, (low, high) in ranges.items():
        inside = [value for value in values if low <= value <= high]
        if len(inside) >= _MOSTLY * len(numbers) and len(set(inside)) >= _MIN_UNNAMED:
            return unit
    return None


def _guess_excel(numbers: Sequence[str], values: Sequence[float], allowed: int, hint: TimeHint) -> Reading | None:
    low, high = _EXCEL_DAYS if hint.is_time else _EXCEL_UNNAMED
    if sum(not low <= value <= high for value in values) > (allowed if hint.is_time else 0):
        return None
    fractions = [value % 1 for value in values if value % 1]
    if not hint.is_time:
        whole_seconds = [abs(f * _SECONDS_A_DAY - round(f * _SECONDS_A_DAY)) < 0.02 for f in fractions]
        if len(fractions) < _MIN_UNNAMED or not all(whole_seconds):
            return None
    kind = ("timestamp", "timestamp_ntz") if fractions else ("date", "date")
    evidence = f"days since 1899-12-30, as spreadsheets store dates, because the numbers lie between {low} and {high}"
    reading = Reading(*kind, {}, {"timeUnit": "excel_days"}, evidence)
    return reading if count_misfits(reading, numbers) <= allowed else None


def _candidates(texts: Sequence[str], hint: TimeHint) -> Iterator[Reading]:
    """Yield the readings that the form of the most frequent kind of text allows, the usual ones first."""
    for shape, form in _LOG_FORMATS:
        if shape.fullmatch(texts[0].strip()):
            yield Reading("timestamp", "timestamp_ntz", {"format": form, "timezone": True})
    matches = [match for text in texts[:2000] if (match := _TEXT.fullmatch(text.strip()))]
    kinds: Counter[tuple[Any, ...]] = Counter(_kind(match) for match in matches)
    if not kinds:
        return
    kind = kinds.most_common(1)[0][0]
    alike = [match for match in matches if _kind(match) == kind]
    has_time = any(match["hour"] or match["clock"] for match in matches)
    with_zone = sum(match["zone"] is not None for match in matches)
    options = {"timezone": True} if with_zone == len(matches) == len(texts[:2000]) else {}
    logical, spark = ("timestamp", "timestamp_ntz") if has_time else ("date", "date")
    evidence = f"{with_zone} of {len(matches)} values state their zone" if with_zone else ""
    is_iso = (alike[0]["s1"], alike[0]["s2"]) == ("-", "-") and len(alike[0]["first"]) == 4
    flexible = is_iso and (with_zone or any(match["fraction"] for match in matches))
    # Exports drop zero fractions and write zones in several ways; without a format every ISO 8601 form is read.
    if flexible:
        yield Reading(logical, spark, options, {}, evidence)
    for form, custom in _formats(alike, hint):
        yield Reading(logical, spark, {"format": form, **options}, custom, evidence)
    if is_iso and not flexible:
        yield Reading(logical, spark, options, {}, evidence)


def _kind(match: re.Match[str]) -> tuple[Any, ...]:
    """Return what texts of one format share: separators, and the parts that they have."""
    found = match.groupdict()
    seen = ("weekday", "hour", "s", "fraction", "before", "after", "gap", "zone")
    lengths = [len(found[name] or "") for name in ("compact", "clock")]
    places = [
        "name" if (found[n] or "0")[0].isalpha() else len(found[n] or "") == 4 for n in ("first", "second", "third")
    ]
    marks = tuple(found[name] for name in ("s1", "s2", "end", "glue", "mark"))
    return (marks, *(found[name] is not None for name in seen), *lengths, *places)


def _formats(alike: Sequence[re.Match[str]], hint: TimeHint) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the Java formats of texts of one kind, with the property that they need."""
    sample = alike[0]
    clock = _clock(alike)
    if sample["compact"] is not None:
        for date in _compact(len(sample["compact"]), bool(clock) or hint.is_time):
            yield date + clock, {"yearPivot": _pivot(hint)} if "yyyy" not in date else {}
        return
    weekday = "EEE, " if sample["weekday"] and ", " in sample[0][:12] else "EEE " if sample["weekday"] else ""
    s1, s2 = (
        f"'{mark.strip()}'{' ' * mark.endswith(' ')}" if mark[0] in "년월" else mark
        for mark in sample.group("s1", "s2")
    )
    s1, s2 = s1.replace("'", ""), s2.replace("'", "")
    end = sample["end"] or ""
    for fields in _orders(sample, hint):
        parts = [_padded(field, [match[name] for match in alike]) for field, name in zip(fields, _PLACES, strict=True)]
        custom = {"yearPivot": _pivot(hint)} if "yy" in parts else {}
        yield f"{weekday}{parts[0]}{s1}{parts[1]}{s2}{parts[2]}{end}{clock}", custom


_PLACES = ("first", "second", "third")


def _orders(sample: re.Match[str], hint: TimeHint) -> list[tuple[str, str, str]]:
    first, second, third = (sample[name] for name in _PLACES)
    if first[0].isalpha():
        return [("MMM", "d", "y")]
    if second[0].isalpha():
        return [("y", "MMM", "d")] if len(first) == 4 else [("d", "MMM", "y")]
    if len(first) == 4:
        return [("y", "M", "d")]
    if len(third) < 4 and sample["s1"][0] == "년":
        return [("y", "M", "d")]
    day_first = [("d", "M", "y"), ("M", "d", "y")]
    month_first = day_first[::-1]
    is_american = sample["s1"] in "/-" and (sample["after"] is not None or hint.day_first is False)
    orders = month_first if is_american and hint.day_first is not True else day_first
    return orders if len(third) == 4 else [*orders, ("y", "M", "d")]


def _padded(field: str, texts: Sequence[str]) -> str:
    """Return the pattern letters of a field: two of them if all texts have two digits, one for mixed lengths."""
    if field == "y":
        return "yyyy" if len(texts[0]) == 4 else "yy"
    return field if field == "MMM" or any(len(text) < 2 for text in texts) else field * 2


def _compact(length: int, is_time: bool) -> list[str]:
    if length == 8:
        return ["yyyyMMdd", *(["ddMMyyyy", "MMddyyyy"] if is_time else [])]
    return ["yyMMdd"] if is_time else []


def _clock(alike: Sequence[re.Match[str]]) -> str:
    """Return the pattern of the time of day with its zone; "" for dates."""
    sample = alike[0]
    if sample["clock"] is not None:
        letters = {4: "HHmm", 6: "HHmmss", 9: "HHmmssSSS"}[len(sample["clock"])]
    elif sample["hour"] is not None:
        half = sample["before"] is not None or sample["after"] is not None
        letter = "h" if half else "H"
        letters = letter * (1 if any(len(match["hour"]) == 1 for match in alike) else 2) + ":mm"
        letters += ":ss" if sample["s"] else ""
        letters += sample["mark"] + "S" * max(len(match["fraction"]) for match in alike) if sample["fraction"] else ""
        letters = ("a " if sample["before"] else "") + letters
        letters += (" a" if sample["gap"] else "a") if sample["after"] else ""
    else:
        return ""
    glue = "'T'" if (sample["glue"] or "").upper() == "T" else sample["glue"] or ""
    zones = [match["zone"] for match in alike if match["zone"]]
    if zones:
        before = " " if re.search(r" (Z|UTC|GMT|KST|[+-]\d{2}:?\d*)$", sample[0], re.IGNORECASE) else ""
        letters += before + ("z" if any(zone.isalpha() and zone not in "Zz" for zone in zones) else "XXX")
    return glue + letters


def _pivot(hint: TimeHint) -> int:
    """Return the first two-digit year that is 19yy: the next year, so that no date is in the future.

    Days on which something ends may lie ahead.
    """
    ahead = 0 if hint.is_birth or not hint.words & _FUTURE_WORDS else _YEARS_VALID
    return (hint.today.year + 1 + ahead) % 100


def _with_order(best: Reading, equal: Sequence[Reading], texts: Sequence[str], hint: TimeHint) -> Reading:
    """Return the reading with its doubts: another order of day, month and year, and the century of the years."""
    doubts = list(best.doubts)
    form = str(best.options.get("format", ""))
    orders = {_letters(best): form, "": ""}
    for other in equal:
        orders.setdefault(_letters(other), str(other.options.get("format", "")))
    others = [other for other in orders.values() if other not in ("", form)]
    if form and others:
        if hint.day_first is None:
            doubts.append(f"no value decides between {' and '.join([form, *others])}; {form} is assumed")
        else:
            best = replace(best, evidence=f"{form} rather than {others[0]}, as in other columns of the file")
    if "yearPivot" in best.custom:
        pivot = best.custom["yearPivot"]
        doubts.append(f"two-digit years: {pivot:02d} to 99 are read as 19{pivot:02d} to 1999, smaller ones as 20yy")
    return replace(best, doubts=tuple(doubts))


def _letters(reading: Reading) -> str:
    """Return the order of a format's day, month and year; "" for ISO 8601."""
    return "".join(dict.fromkeys(letter for letter in str(reading.options.get("format", "")) if letter in "yMd"))


def order_of(reading: Reading) -> bool | None:
    """Return whether a reading that is not in doubt puts the day before the month; None if it does not show."""
    letters = _letters(reading)
    if letters not in ("dMy", "Mdy") or any("decides" in doubt for doubt in reading.doubts):
        return None
    return letters == "dMy"
