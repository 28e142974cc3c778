"""Guesses the type, format, bounds, enumeration, nulls and uniqueness of a column from a sample of its values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.contracts import number_guess
from pipelines.contracts.file_sample import SampleColumn
from pipelines.contracts.number_guess import FileHint, guess_number
from pipelines.contracts.reading import TEXT, Reading, count_misfits, read_values
from pipelines.contracts.time_guess import TimeHint, guess_time, guess_unit, is_code_name
from pipelines.contracts.unnamed_column import list_open_questions
from pipelines.ingest.value_parser import FALSE_TEXTS, TRUE_TEXTS

# A type is guessed when at least this share of the values fits it. The draft states how many do not fit.
FITTING_SHARE = 0.99
MIN_FOR_A_MISFIT = 20
# A column whose header names a time is one even if every other value is broken: a text would hide that. With as many
# numbers a text is a doubt.
FITTING_TIMES = 0.6
# Share of times from which a named time without a single form is a doubt.
_SOME_TIMES = 0.2
MAX_ENUM = 20
MAX_ENUM_LENGTH = 20  # With a longer mean length the values are sentences.
RARE_SHARE = 0.005  # Rarer values are typing errors rather than members of an enumeration.
MIN_REPEATS = 5  # Below this mean number of occurrences the values are not an enumeration.
MAX_BOUND = 10**15  # Larger numbers have no exact binary form, so a bound would say little.
_LENGTHS = (10, 20, 40, 60, 100, 200, 400, 1000, 2000, 4000)
_COMPACT_LENGTHS = (8, 12, 14, 17)  # of yyyyMMdd, and of times to the minute, second and millisecond
_FLAG_WORDS = frozenset({"yn", "flag", "is", "has", "optin", "agreed", "consent"})
_FITTING_FLAGS = 0.75
_BOOLEAN = Reading("boolean", "boolean")


@dataclass(frozen=True)
class ColumnHint:
    """What is known beside the values: the column's name, the texts that mean null, and what other columns show."""

    name: str = ""
    nulls: frozenset[str] = frozenset()
    times: TimeHint = field(default_factory=TimeHint)
    numbers: FileHint = field(default_factory=FileHint)


@dataclass(frozen=True)
class Profile:
    """Guessed properties of a column.

    Attributes:
        reading: how the values are read.
        texts: the values as text without nulls; use them to test their form only.
        options: bounds and lengths, which a later check of the whole file may remove.
        misfits: number of values that do not fit the guessed type.
        rare: number of values too rare for the enumeration.
        has_zone_less: whether the column has times that state no zone.
    """

    reading: Reading
    options: dict[str, Any] = field(default_factory=dict)
    enum: tuple[str, ...] = ()
    is_required: bool = False
    is_unique: bool = False
    distinct_share: float = 0.0
    misfits: int = 0
    rare: int = 0
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    has_zone_less: bool = False

    @property
    def logical_type(self) -> str:
        """The column's type in the contract."""
        return self.reading.logical_type

    @property
    def spark_type(self) -> str:
        """The column's Spark SQL type."""
        return self.reading.spark_type


def profile_column(column: SampleColumn, hint: ColumnHint) -> Profile:
    """Return the guessed properties of a column, from the values of its sample."""
    texts = tuple(text for text in _as_texts(column.values) if text not in hint.nulls)
    base = _read(column, texts, hint)
    reading = base.reading
    counts = Counter(texts)
    options: dict[str, Any] = {}
    enum: tuple[str, ...] = ()
    if reading.logical_type == "string" and texts:
        longest = max(map(len, texts))
        options["maxLength"] = next((length for length in _LENGTHS if length >= 2 * longest), 2 * longest)
        enum = () if base.doubts else _list_values(counts)
    if reading.logical_type in ("integer", "number"):
        options |= _number_bounds(column, texts, reading)
    if reading.logical_type in ("date", "timestamp"):
        # Retail facts are not older, and many systems write the year 9999 for "never".
        options |= {"minimum": "1900-01-01", "maximum": "2100-01-01"}
    rows = len(column.values)
    return replace(
        base,
        options=options,
        enum=enum,
        is_required=len(texts) == rows > 0,
        is_unique=len(counts) == rows > 1,
        distinct_share=len(counts) / len(texts) if texts else 0.0,
        rare=sum(count for text, count in counts.items() if enum and text not in enum),
        notes=(*base.notes, *_remarks(reading, counts)),
        doubts=(*base.doubts, *reading.doubts, *list_open_questions(hint.name, reading, texts, hint.times.today)),
        texts=texts,
        has_zone_less=reading.logical_type == "timestamp" and _is_zone_less(column, reading),
    )


def _as_texts(values: pa.Array) -> list[str]:
    """Return the values that are not null as texts; times as numbers, because some are outside Python's range."""
    if pa.types.is_temporal(values.type) and not pa.types.is_string(values.type):
        width = pa.int32() if pa.types.is_date32(values.type) or pa.types.is_time32(values.type) else pa.int64()
        values = values.view(width) if values.type.bit_width == width.bit_width else values
    try:
        present = [value for value in values.drop_null().to_pylist() if value != ""]
    except (OverflowError, ValueError, pa.ArrowInvalid):
        present = [str(value) for value in values.drop_null()]
    return [str(value).strip() for value in present]


def _read(column: SampleColumn, texts: Sequence[str], hint: ColumnHint) -> Profile:
    source = column.values.type
    if pa.types.is_dictionary(source):
        source = source.value_type
    if not (pa.types.is_string(source) or pa.types.is_large_string(source)):
        return _profile_arrow(source, column, texts, hint)
    if not texts:
        return Profile(TEXT, notes=("no value in the sample",))
    kinds = column.kinds.names
    if kinds == {"boolean"}:
        return Profile(_BOOLEAN)
    if kinds == {"texts"}:
        return Profile(Reading("array", "array<string>"))
    if kinds & {"object", "list", "texts"}:
        return Profile(TEXT, notes=("nested values are kept as JSON text; a human decides the type",))
    if kinds and kinds <= {"integer", "number"}:
        return _profile_numbers(texts, hint, is_integer=kinds == {"integer"})
    return _profile_texts(texts, hint)


def _profile_arrow(source: pa.DataType, column: SampleColumn, texts: Sequence[str], hint: ColumnHint) -> Profile:
    types = pa.types
    if types.is_decimal(source):
        whole = source.precision - source.scale
        number = Reading("number", f"decimal({min(38, source.precision)},{min(source.scale, 38 - min(whole, 38))})")
        return Profile(number if count_misfits(number, column.values) == 0 else TEXT)
    if types.is_timestamp(source):
        options = {"timezone": True} if source.tz else {}
        day = Reading("date", "date")
        if column.is_loose and column.values.null_count < len(column.values) and count_misfits(day, column.values) == 0:
            return Profile(day)
        return Profile(Reading("timestamp", "timestamp_ntz", options))
    if types.is_integer(source) and texts:
        reading = guess_unit(texts, _allowed(texts), hint.times)
        return Profile(
            reading
            if reading and count_misfits(reading, column.values) <= _allowed(texts)
            else Reading("integer", "bigint")
        )
    if types.is_floating(source) and texts:
        return _profile_floats(column, hint)
    tests: tuple[tuple[Callable[[Any], bool], Reading], ...] = (
        (types.is_boolean, _BOOLEAN),
        (types.is_integer, Reading("integer", "bigint")),
        (types.is_floating, Reading("number", "double")),
        (types.is_date, Reading("date", "date")),
    )
    for is_type, reading in tests:
        if is_type(source):
            return Profile(reading)
    if types.is_list(source) and types.is_string(source.value_type):
        return Profile(Reading("array", "array<string>"))
    return Profile(TEXT, notes=(f"the file holds {source}; a human decides the type",))


def _profile_floats(column: SampleColumn, hint: ColumnHint) -> Profile:
    """Return the profile of binary numbers; whole ones in an identifier were integers before nulls made them floats."""
    present = column.values.drop_null()
    is_whole = pc.all(pc.equal(present, pc.trunc(present)), min_count=0).as_py()
    if is_whole and column.is_loose and not hint.times.is_code and not hint.times.is_time:
        whole = Reading("integer", "bigint")
        return Profile(whole if count_misfits(whole, column.values) == 0 else Reading("number", "double"))
    if is_whole and hint.times.is_code:
        note = "identifiers that a program stored as floating-point numbers; they are loaded as text without .0"
        return Profile(TEXT, notes=(note,))
    if hint.times.is_time:
        numbers = [format(Decimal(str(value)), "f").removesuffix(".0") for value in present.to_pylist()]
        reading = guess_unit(numbers, _allowed(numbers), hint.times)
        if reading is not None and count_misfits(reading, column.values) <= _allowed(numbers):
            return Profile(reading)
    return Profile(Reading("number", "double"))


def _profile_numbers(texts: Sequence[str], hint: ColumnHint, *, is_integer: bool) -> Profile:
    """Return the profile of JSON numbers."""
    reading = guess_unit(texts, _allowed(texts), hint.times)
    if reading is not None:
        return Profile(reading)
    if any(number_guess.is_long_number(text) for text in texts):
        return Profile(TEXT, notes=(_LONG,))
    if is_integer and count_misfits(Reading("integer", "bigint"), texts) == 0:
        return Profile(Reading("integer", "bigint"))
    return Profile(Reading("number", "double"))


_LONG = (
    f"identifiers: numbers with more than {number_guess.MAX_NUMBER_DIGITS} digits are loaded as text, which keeps all"
)


def _profile_texts(texts: Sequence[str], hint: ColumnHint) -> Profile:
    allowed = _allowed(texts)
    flags = _guess_flags(texts, hint)
    if flags is not None:
        return flags
    digits = sum(text.isdecimal() for text in texts)
    scientific = number_guess.count_scientific(texts)
    if scientific and (hint.times.is_code or digits):
        note = (
            f"{scientific} of {len(texts)} values are identifiers in scientific notation, destroyed by a spreadsheet: "
            "they are quarantined; export the column as text"
        )
        return Profile(TEXT, notes=(note,))
    if len(texts) - digits <= allowed:
        return _profile_digits(texts, hint)
    reading = guess_number(texts, allowed, hint.numbers)
    if reading is not None:
        return _profile_number(texts, reading, hint)
    reading = guess_time(texts, allowed, hint.times) or _guess_named_time(texts, hint)
    if reading is not None:
        return _profile(reading, texts)
    if hint.times.is_time and guess_time(texts, math.floor(len(texts) * (1 - _SOME_TIMES)), hint.times):
        return Profile(
            TEXT, doubts=("the header names a time, but the values have several forms; they are loaded as text",)
        )
    if _FITTING_FLAGS * len(texts) <= _count_flags(texts) and not all(text.isdecimal() for text in texts):
        return Profile(TEXT, doubts=("most values are forms of true and false, but not all; they are loaded as text",))
    mostly = guess_number(texts, math.floor(len(texts) * (1 - FITTING_TIMES)), hint.numbers)
    if mostly is not None and mostly.logical_type == "number" and not hint.times.is_code:
        return Profile(TEXT, doubts=("most values are numbers, but not in one form; all are loaded as text",))
    return Profile(TEXT)


def _profile_digits(texts: Sequence[str], hint: ColumnHint) -> Profile:
    """Return the profile of texts of digits: a time, an identifier or an integer."""
    allowed = _allowed(texts)
    if hint.times.is_code:
        return Profile(TEXT, notes=("an identifier is loaded as text, which keeps leading zeros",))
    reading = (
        guess_time(texts, allowed, hint.times) if hint.times.is_time or len(texts[0]) in _COMPACT_LENGTHS else None
    )
    reading = reading or guess_unit(texts, allowed, hint.times)
    if reading is not None:
        return _profile(reading, texts)
    if number_guess.has_leading_zero(texts):
        count = sum(text.isdecimal() and text != "0" and text[0] == "0" for text in texts)
        return Profile(TEXT, notes=(f"{count} of {len(texts)} values have a leading zero, which only text keeps",))
    if any(number_guess.is_long_number(text) for text in texts):
        return Profile(TEXT, notes=(_LONG,))
    reading = guess_number(texts, allowed, hint.numbers) or TEXT
    return _profile_number(texts, reading, hint)


def _profile_number(texts: Sequence[str], reading: Reading, hint: ColumnHint) -> Profile:
    unit = guess_unit(texts, _allowed(texts), hint.times) if "numberFormat" not in reading.custom else None
    if unit is not None:
        return _profile(unit, texts)
    if number_guess.has_leading_zero(texts):
        return Profile(TEXT, notes=("a value has a leading zero, which only text keeps",))
    if any(number_guess.is_long_number(text) for text in texts):
        return Profile(TEXT, notes=(_LONG,))
    named = _guess_named_time(texts, hint) if hint.times.is_time else None
    return _profile(named or reading, texts)


def _guess_named_time(texts: Sequence[str], hint: ColumnHint) -> Reading | None:
    """Return how most values are read as times, if the header names a time; the others are misfits."""
    if not hint.times.is_time:
        return None
    allowed = math.floor(len(texts) * (1 - FITTING_TIMES))
    found = [guess_time(texts, allowed, hint.times), guess_unit(texts, allowed, hint.times)]
    readings = [reading for reading in found if reading is not None]
    if not readings:
        return None
    best = min(readings, key=lambda reading: count_misfits(reading, texts))
    if count_misfits(best, texts) == 0:
        return best
    doubt = "the header names a time, but not all values have one form; the others are quarantined"
    return replace(best, doubts=(*best.doubts, doubt))


def _count_flags(texts: Sequence[str]) -> int:
    """Return how many texts are forms of true and false."""
    return sum(text.lower() in TRUE_TEXTS | FALSE_TEXTS for text in texts)


def _guess_flags(texts: Sequence[str], hint: ColumnHint) -> Profile | None:
    """Return the profile of texts for true and false; of 1 and 0 only together with other forms."""
    lowered = Counter(text.lower() for text in texts)
    fitting = _count_flags(texts)
    words = [text for text in lowered if text in TRUE_TEXTS | FALSE_TEXTS and not text.isdecimal()]
    if not words:
        return None
    if len(texts) - fitting <= _allowed(texts):
        return _profile(_BOOLEAN, texts)
    is_flag = bool(set(hint.name.split("_")) & _FLAG_WORDS)
    if is_flag and fitting >= _FITTING_FLAGS * len(texts):
        doubt = "the header names a flag, but not all values are forms of true and false; the others are quarantined"
        return _profile(replace(_BOOLEAN, doubts=(doubt,)), texts)
    return None


def _profile(reading: Reading, texts: Sequence[str]) -> Profile:
    return Profile(reading, misfits=count_misfits(reading, texts))


def allowed_misfits(values: int) -> int:
    """Return how many of the values may not fit a type: one in a hundred, and one in a small file of some rows."""
    return max(math.floor(values * (1 - FITTING_SHARE)), int(values >= MIN_FOR_A_MISFIT))


def _allowed(texts: Sequence[str]) -> int:
    return allowed_misfits(len(texts))


def _list_values(counts: Counter[str]) -> tuple[str, ...]:
    """Return the values of an enumeration without the rare ones, or () when the values are not an enumeration.

    All rare values together are left out only while they are rare, too; otherwise they are valid values.
    """
    total = counts.total()
    mean_length = sum(len(text) * count for text, count in counts.items()) / total
    is_short = 1 < len(counts) <= MAX_ENUM and mean_length <= MAX_ENUM_LENGTH
    if not is_short or total < MIN_REPEATS * len(counts):
        return ()
    listed = [text for text, count in counts.items() if count >= RARE_SHARE * total]
    is_rare = total - sum(counts[text] for text in listed) <= RARE_SHARE * total
    return tuple(sorted(listed if is_rare else counts))


def _number_bounds(column: SampleColumn, texts: Sequence[str], reading: Reading) -> dict[str, int]:
    """Return wide bounds: maximum is the next power of ten; minimum is 0, or -maximum when a value is negative."""
    is_text = pa.types.is_string(column.values.type)
    values, _ = read_values(reading, pa.array(texts, pa.string()) if is_text else column.values)
    numbers = []
    for value in values.drop_null().to_pylist():
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            continue
        if number.is_finite():
            numbers.append(number)
    if not numbers:
        return {}
    limit = 10 ** len(str(int(max(map(abs, numbers)))))
    if limit > MAX_BOUND:
        return {}
    return {"minimum": -limit if min(numbers) < 0 else 0, "maximum": limit}


def _is_zone_less(column: SampleColumn, reading: Reading) -> bool:
    """Return whether some times of a column state no zone, so that the zone of the source matters."""
    if reading.options.get("timezone"):
        return False
    unit = reading.custom.get("timeUnit")
    return unit in (None, "excel_days")


def _remarks(reading: Reading, counts: Counter[str]) -> tuple[str, ...]:
    if reading.logical_type == "integer" and set(counts) == {"0", "1"}:
        return ("only 0 and 1; write logicalType: boolean if they mean false and true",)
    return (reading.evidence,) if reading.evidence else ()


def is_time(profile: Profile) -> bool:
    """Return whether the column holds dates or timestamps."""
    return profile.logical_type in ("date", "timestamp")


__all__ = ["ColumnHint", "Profile", "is_code_name", "is_time", "profile_column"]
