"""Guesses the type, format, bounds, enumeration, nulls and uniqueness of a column from a sample of its values."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from pipelines.contracts.file_sample import SampleColumn

# A type is guessed when at least this share of the values fits it. The draft states how many do not fit.
FITTING_SHARE = 0.99
MAX_ENUM = 20
MAX_ENUM_LENGTH = 20  # With a longer mean length the values are sentences.
RARE_SHARE = 0.005  # Rarer values are typing errors rather than members of an enumeration.
MIN_REPEATS = 5  # Below this mean number of occurrences the values are not an enumeration.
_LENGTHS = (10, 20, 40, 60, 100, 200, 400, 1000, 2000, 4000)
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)\.(\d+)")
_COMPACT_DATE = re.compile(r"(19|20)\d{6}")
DATE_FORMATS = {
    "yyyy-MM-dd": "%Y-%m-%d",
    "yyyy/MM/dd": "%Y/%m/%d",
    "yyyy.MM.dd": "%Y.%m.%d",
}
TIMESTAMP_FORMATS = {
    "yyyy-MM-dd HH:mm:ss": "%Y-%m-%d %H:%M:%S",
    "yyyy-MM-dd HH:mm": "%Y-%m-%d %H:%M",
    "yyyy-MM-dd'T'HH:mm:ss": "%Y-%m-%dT%H:%M:%S",
    "yyyy-MM-dd'T'HH:mm:ss.SSS": "%Y-%m-%dT%H:%M:%S.%f",
    "yyyy/MM/dd HH:mm:ss": "%Y/%m/%d %H:%M:%S",
    "yyyy.MM.dd HH:mm:ss": "%Y.%m.%d %H:%M:%S",
}


@dataclass(frozen=True)
class Profile:
    """Guessed properties of a column. `texts` holds its values as text; use them to test their form only.

    `misfits` counts values that do not fit the guessed type, `rare` those too rare for the enumeration.
    """

    logical_type: str
    spark_type: str
    options: dict[str, Any] = field(default_factory=dict)
    enum: tuple[str, ...] = ()
    is_required: bool = False
    is_unique: bool = False
    distinct_share: float = 0.0
    misfits: int = 0
    rare: int = 0
    note: str = ""
    texts: tuple[str, ...] = ()


def profile_column(column: SampleColumn) -> Profile:
    """Return the guessed properties of a column, from the values of its sample."""
    present = [value for value in column.values if value is not None and value != ""]
    texts = tuple(str(value).strip() for value in present)
    base = _profile_arrow(column.arrow_type) if column.arrow_type is not None else _profile_values(present, texts)
    counts = Counter(texts)
    options = dict(base.options)
    enum: tuple[str, ...] = ()
    if base.logical_type == "string" and texts:
        longest = max(map(len, texts))
        options["maxLength"] = next((length for length in _LENGTHS if length >= 2 * longest), 2 * longest)
        enum = _list_values(counts)
    if base.logical_type in ("integer", "number"):
        options |= _number_bounds(texts)
    if base.logical_type in ("date", "timestamp"):
        # Retail facts are not older, and many systems write the year 9999 for "never".
        options |= {"minimum": "1900-01-01", "maximum": "2100-01-01"}
    return Profile(
        base.logical_type,
        base.spark_type,
        options,
        enum,
        is_required=len(present) == len(column.values) > 0,
        is_unique=len(counts) == len(column.values) > 1,
        distinct_share=len(counts) / len(texts) if texts else 0.0,
        misfits=base.misfits,
        rare=sum(count for text, count in counts.items() if enum and text not in enum),
        note=base.note,
        texts=texts,
    )


def _list_values(counts: Counter[str]) -> tuple[str, ...]:
    """Return the values of an enumeration without the rare ones, or () when the values are not an enumeration."""
    total = counts.total()
    mean_length = sum(len(text) * count for text, count in counts.items()) / total
    is_short = 1 < len(counts) <= MAX_ENUM and mean_length <= MAX_ENUM_LENGTH
    if not is_short or total < MIN_REPEATS * len(counts):
        return ()
    return tuple(sorted(text for text, count in counts.items() if count >= max(2, RARE_SHARE * total)))


def _profile_arrow(arrow_type: Any) -> Profile:
    types = pa.types
    if types.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    if types.is_decimal(arrow_type):
        return Profile("number", f"decimal({arrow_type.precision},{arrow_type.scale})")
    if types.is_timestamp(arrow_type):
        return Profile("timestamp", "timestamp" if arrow_type.tz else "timestamp_ntz")
    tests: tuple[tuple[Callable[[Any], bool], str, str], ...] = (
        (types.is_boolean, "boolean", "boolean"),
        (types.is_integer, "integer", "bigint"),
        (types.is_floating, "number", "double"),
        (types.is_date, "date", "date"),
        (types.is_string, "string", "string"),
        (types.is_large_string, "string", "string"),
    )
    for is_type, logical_type, spark_type in tests:
        if is_type(arrow_type):
            return Profile(logical_type, spark_type)
    if types.is_list(arrow_type) and types.is_string(arrow_type.value_type):
        return Profile("array", "array<string>")
    return Profile("string", "string", note=f"the file holds {arrow_type}; a human decides the type")


def _profile_values(present: list[Any], texts: tuple[str, ...]) -> Profile:
    if not present:
        return Profile("string", "string", note="no value in the sample")
    kinds = {type(value) for value in present}
    if kinds == {bool}:
        return Profile("boolean", "boolean")
    if kinds == {int}:
        return Profile("integer", "bigint")
    if kinds <= {int, float}:
        return Profile("number", "double")
    if kinds & {dict, list}:
        is_texts = kinds == {list} and all(isinstance(item, str) for value in present for item in value)
        if is_texts:
            return Profile("array", "array<string>")
        return Profile("string", "string", note="nested values; a human decides the type")
    return _profile_texts(texts)


def _profile_texts(texts: tuple[str, ...]) -> Profile:
    allowed = math.floor(len(texts) * (1 - FITTING_SHARE))
    if {text.lower() for text in texts} <= {"true", "false"}:
        return Profile("boolean", "boolean")
    if sum(_COMPACT_DATE.fullmatch(text) is None for text in texts) <= allowed:
        misfits = _count_misfits(texts, "%Y%m%d", allowed)
        if misfits <= allowed:
            return Profile("date", "date", {"format": "yyyyMMdd"}, misfits=misfits)
    misfits = sum(_INTEGER.fullmatch(text) is None for text in texts)
    if misfits <= allowed:
        return Profile("integer", "bigint", misfits=misfits)
    matches = [match for text in texts if (match := _NUMBER.fullmatch(text))]
    misfits -= len(matches)
    if misfits <= allowed:
        scale = max(len(match[2]) for match in matches)
        return Profile("number", "decimal(12,2)" if scale == 2 else "double", misfits=misfits)
    for logical_type, formats in (("date", DATE_FORMATS), ("timestamp", TIMESTAMP_FORMATS)):
        for name, pattern in formats.items():
            misfits = _count_misfits(texts, pattern, allowed)
            if misfits <= allowed:
                spark_type = "date" if logical_type == "date" else "timestamp_ntz"
                return Profile(logical_type, spark_type, {"format": name}, misfits=misfits)
    return Profile("string", "string")


def _count_misfits(texts: tuple[str, ...], pattern: str, allowed: int) -> int:
    misfits = 0
    for text in texts:
        try:
            datetime.strptime(text, pattern)  # noqa: DTZ007  # local wall time by design
        except ValueError:
            misfits += 1
            if misfits > allowed:
                break
    return misfits


def _number_bounds(texts: tuple[str, ...]) -> dict[str, int]:
    """Return wide bounds: maximum is the next power of ten; minimum is 0, or -maximum when a value is negative."""
    numbers = [abs(Decimal(text)) for text in texts if _INTEGER.fullmatch(text) or _NUMBER.fullmatch(text)]
    if not numbers:
        return {}
    limit = 10 ** len(str(int(max(numbers))))
    has_negative = any(text.startswith("-") for text in texts)
    return {"minimum": -limit if has_negative else 0, "maximum": limit}


def is_time(profile: Profile) -> bool:
    """Return whether the column holds dates or timestamps."""
    return profile.logical_type in ("date", "timestamp")
