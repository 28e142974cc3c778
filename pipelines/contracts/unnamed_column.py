"""Lists what the values of a column leave open if its header says nothing, such as `c1` or `column_3`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

from pipelines.contracts.reading import Reading, read_values
from pipelines.contracts.time_guess import likely_unit
from privacy.recognition.column_name import tells_nothing

# Whole numbers of at least so many digits that hardly ever repeat may be identifiers.
_CODE_DIGITS, _CODE_SHARE = 4, 0.9
# Dates of birth lie in many years, and most of them are those of adults. Events of one file hardly ever do.
_BIRTH_SPAN_YEARS, _ADULT_YEARS = 15, 18
_MIN_VALUES = 10
_FULL_NAME = re.compile(r"[A-Z][a-z]+(?:[ -][A-Z][a-z]+){1,2}")
_NAME_SHARE = 0.8


def list_open_questions(name: str, reading: Reading, texts: Sequence[str], today: datetime) -> tuple[str, ...]:
    """Return the doubts about a column; none if its name tells what the values are.

    Args:
        name: the column's name.
        reading: how the values are read.
        texts: the values without nulls.
        today: the day up to which numbers may be times.

    >>> list_open_questions("amount", Reading("integer", "bigint"), ["10423", "99812"], datetime(2026, 1, 1))
    ()
    """
    if not tells_nothing(name):
        return ()
    if are_birth_dates(reading, texts, today):
        return ("the dates may be dates of birth, and are drafted so; if they are, the rows are about persons",)
    if reading.logical_type == "string" and _are_names(texts):
        return (
            "the values may be names of persons; if they are, write the category pd:Name and identifierRole: direct",
        )
    if unit := reading.custom.get("timeUnit"):
        return (f"the header says nothing, and the numbers are read as times ({unit}); a human decides",)
    if reading.logical_type != "integer" or reading.custom:
        return ()
    if unit := likely_unit(texts, today):
        return (f"the numbers may be times ({unit}); the header says nothing, so they are loaded as integers",)
    is_long = max(map(len, texts), default=0) >= _CODE_DIGITS and not any(text.startswith("-") for text in texts)
    if is_long and len(set(texts)) >= _CODE_SHARE * len(texts):
        return ("the numbers may be identifiers; if they are, write logicalType: string, which keeps leading zeros",)
    return ()


def are_birth_dates(reading: Reading, texts: Sequence[str], today: datetime) -> bool:
    """Return whether dates without a time of day spread over years as dates of birth do.

    >>> are_birth_dates(Reading("date", "date"), [f"{year}-05-01" for year in range(1950, 2000)], datetime(2026, 1, 1))
    True
    >>> are_birth_dates(Reading("date", "date"), [f"2017-05-{day}" for day in range(10, 30)], datetime(2026, 1, 1))
    False
    """
    if reading.logical_type != "date" or len(texts) < _MIN_VALUES:
        return False
    years: list[int] = sorted(
        day.year for day in read_values(reading, pa.array(texts, pa.string()))[0].drop_null().to_pylist()
    )
    if len(years) < _MIN_VALUES:
        return False
    early, middle, late = (years[len(years) * tenth // 10] for tenth in (1, 5, 9))
    return late - early >= _BIRTH_SPAN_YEARS and today.year - middle >= _ADULT_YEARS


def _are_names(texts: Sequence[str]) -> bool:
    """Return whether most texts have the form of a full name in Latin letters, such as Ada Lovelace, and vary."""
    share = sum(_FULL_NAME.fullmatch(text) is not None for text in texts) / max(len(texts), 1)
    return len(texts) >= _MIN_VALUES and share >= _NAME_SHARE and len(set(texts)) > 0.3 * len(texts)
