"""Compares the vectorised casts with reading one value at a time."""

import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.ingest import type_cast
from pipelines.ingest.cast_result import CastColumn, UncastableError, sound
from pipelines.ingest.type_cast import cast_column
from pipelines.ingest.value_fault import Fault, ValueFaultError
from pipelines.ingest.value_parser import read_decimal, reader
from pipelines.ingest.value_rule import PLAIN, ValueRule, ZoneRule
from privacy.contract.column import NumberFormat

TARGETS = [
    pa.int32(),
    pa.int64(),
    pa.float64(),
    pa.decimal128(12, 2),
    pa.decimal128(6, 0),
    pa.date32(),
    pa.timestamp("us"),
    pa.timestamp("us", "UTC"),
    pa.bool_(),
]
OFFSETS = st.sampled_from(["", "", "Z", "+09:00", "-0330", "+05", " +09:00", "+19:00", "+00:99", "[x]"])
RULES = [
    PLAIN,
    ValueRule(zones=ZoneRule("UTC", "Asia/Seoul")),
    ValueRule(zones=ZoneRule("America/New_York", "Asia/Seoul")),
    ValueRule(zones=ZoneRule("Asia/Seoul", "Europe/Berlin", must_state=True)),
    ValueRule(zones=ZoneRule("+05:30", "-03:00"), date_format="yyyy-MM-dd'T'HH:mm:ss"),
    ValueRule(number_format=NumberFormat(",", ".", ("€", "EUR"), ("parentheses", "trailing"))),
    ValueRule(number_format=NumberFormat(thousands=" "), keeps_zeros=False),
    ValueRule(number_format=NumberFormat(percent=True)),
    ValueRule(time_unit="milliseconds"),
    ValueRule(time_unit="excel_days", zones=ZoneRule("UTC", "America/New_York")),
]
TEXTS = st.one_of(
    st.text("0123456789.-+eE :T", max_size=20),
    st.integers().map(str),
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.dates().map(str),
    st.datetimes().map(str),
    st.datetimes().map(lambda moment: moment.isoformat()),
    # Hours around the changes of clocks in New York and Berlin in 2017.
    st.builds(
        lambda day, minutes, offset: f"{day}T{minutes // 60:02}:{minutes % 60:02}:00{offset}",
        st.sampled_from(["2017-03-12", "2017-11-05", "2017-03-26", "2017-10-29"]),
        st.integers(0, 4 * 60),
        OFFSETS,
    ),
    st.builds(lambda moment, offset: f"{moment}{offset}", st.datetimes(), OFFSETS),
    st.from_regex(r"[-+(]?[€₩]? ?[0-9]{1,4}([., ][0-9]{2,3}){0,3}[-)%]?( EUR)?", fullmatch=True),
    st.integers(-(10**14), 10**14).map(str),
    st.sampled_from(
        ["true", "Y", "0", "NaN", "inf", "0x1F", "1_000", "１２", "2017-02-30", "2017-02-30 10:00:00", " 1 "]
    ),
)


def one_by_one(texts: list[str | None], target: pa.DataType, rule: ValueRule) -> list[tuple[Any, Fault | None]]:
    read = reader(target, rule)
    result: list[tuple[Any, Fault | None]] = []
    for text in texts:
        try:
            result.append((None if text is None else read(text), None))
        except ValueFaultError as error:
            result.append((None, error.fault or UNKNOWN))
        except (ValueError, OverflowError):
            result.append((None, UNKNOWN))
    return result


UNKNOWN: Fault = ("", "")


def found_in(cast: CastColumn) -> list[tuple[Any, Fault | None]]:
    values = cast.values.to_pylist()
    return [
        (value, (cast.fault(position) or UNKNOWN) if cast.wrong[position] else None)
        for position, value in enumerate(values)
    ]


@pytest.mark.parametrize("rule", RULES, ids=range(len(RULES)))
@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_text_columns_are_cast_to_the_values_that_are_read_one_by_one(target: pa.DataType, rule: ValueRule) -> None:
    @settings(max_examples=60)
    @given(st.lists(st.none() | TEXTS, max_size=4))
    @example(["12"])
    @example(["12.50", None])
    @example(["2017-01-01 10:00:00"])
    @example(["2017-01-01"])
    @example(["2017-01-01T10:00:00Z", None])
    @example(["2017-01-01T10:00:00Z", "2017-01-01T10:00:00"])
    @example(["1.234,50", "12"])
    @example(["0150"])
    @example(["1.000", "12.500"])
    def check(texts: list[str | None]) -> None:
        compare(texts, target, rule)

    check()


def compare(texts: list[str | None], target: pa.DataType, rule: ValueRule) -> None:
    for array in (pa.array(texts, pa.string()), pa.array(texts, pa.string()).dictionary_encode()):
        cast = cast_column(array, target, rule)
        assert cast.values.type == target
        assert found_in(cast) == one_by_one(texts, target, rule)


def keep_wall_times(values: pa.Array, _: ZoneRule, target: pa.DataType) -> CastColumn:
    return sound(values.cast(pa.int64()).cast(target))


@pytest.mark.parametrize(
    ("name", "bug", "text", "target", "rule"),
    [
        ("shop_times", keep_wall_times, "2017-06-01 10:00:00Z", pa.timestamp("us"), PLAIN),
        ("shop_times", keep_wall_times, "2017-06-01 10:00:00", pa.timestamp("us"), RULES[1]),
        ("plain_column", lambda values, _: values, "1.234", pa.float64(), RULES[5]),
        ("_common_shapes", lambda *_: [("^[0-9]+$", False)], "0150", pa.int64(), PLAIN),
        ("_common_shapes", lambda *_: [(".*", False)], "0000-01-01 00:00:00", pa.timestamp("us"), PLAIN),
    ],
)
def test_the_comparison_finds_a_planted_fault(
    monkeypatch: pytest.MonkeyPatch, name: str, bug: Any, text: str, target: pa.DataType, rule: ValueRule
) -> None:
    compare([text], target, rule)
    monkeypatch.setattr(type_cast, name, bug)
    with pytest.raises((AssertionError, ValueError, OverflowError)):
        compare([text], target, rule)


@given(st.lists(st.none() | st.integers(-(10**9), 10**9), max_size=8))
def test_floating_point_money_becomes_exact_cents(cents: list[int | None]) -> None:
    numbers = [None if cent is None else cent / 100 for cent in cents]
    cast = cast_column(pa.array(numbers, pa.float64()), pa.decimal128(12, 2))
    assert cast.values.to_pylist() == [None if cent is None else Decimal(cent) / 100 for cent in cents]
    assert not cast.wrong.any()


@pytest.mark.parametrize("number", [0.005, 1.001, float("nan"), float("inf"), -float("inf"), 1e10, -1e300])
def test_a_number_that_is_not_whole_cents_is_marked_wrong(number: float) -> None:
    cast = cast_column(pa.array([number, None, 1.0]), pa.decimal128(12, 2))
    assert cast.wrong.tolist() == [True, False, False]
    assert cast.values.to_pylist() == [None, None, Decimal("1.00")]


@pytest.mark.parametrize(
    ("values", "source", "target", "expected", "wrong"),
    [
        ([1, 2**40, None], pa.int64(), pa.int32(), [1, None, None], [False, True, False]),
        ([1.0, 1.5, None], pa.float64(), pa.int32(), [1, None, None], [False, True, False]),
        ([1.0, 1e18], pa.float64(), pa.int32(), [1, None], [False, True]),
        ([2.0**53 - 1, 2.0**53], pa.float64(), pa.int64(), [2**53 - 1, None], [False, True]),
        ([1, 2, 0, None], pa.int64(), pa.bool_(), [True, None, False, None], [False, True, False, False]),
        ([1.0, float("nan")], pa.float64(), pa.float64(), [1.0, None], [False, True]),
        ([5, None], pa.int64(), pa.string(), ["5", None], [False, False]),
        ([None], pa.null(), pa.int32(), [None], [False]),
        (["1", "x"], pa.large_string(), pa.int32(), [1, None], [False, True]),
    ],
)
def test_typed_values_that_do_not_fit_become_null_and_are_marked(
    values: list[Any], source: pa.DataType, target: pa.DataType, expected: list[Any], wrong: list[bool]
) -> None:
    cast = cast_column(pa.array(values, source), target)
    assert (cast.values.to_pylist(), cast.wrong.tolist()) == (expected, wrong)


def test_times_lose_nanoseconds_and_zoned_times_keep_their_local_time() -> None:
    moment = datetime.datetime.fromisoformat("2017-01-01T10:00:00.123456")
    nanoseconds = pa.array([moment], pa.timestamp("us")).cast(pa.timestamp("ns"))
    assert cast_column(nanoseconds, pa.timestamp("us")).values.to_pylist() == [moment]
    zoned = pa.array([datetime.datetime.fromisoformat("2017-01-01T01:00:00")], pa.timestamp("us", "Asia/Seoul"))
    assert cast_column(zoned, pa.timestamp("us")).values.to_pylist() == [
        datetime.datetime.fromisoformat("2017-01-01T10:00:00")
    ]


def test_a_time_is_a_date_only_at_midnight() -> None:
    times = pa.array(
        [
            datetime.datetime.fromisoformat("2017-01-01T00:00:00"),
            datetime.datetime.fromisoformat("2017-01-01T01:00:00"),
            None,
        ],
        pa.timestamp("ns"),
    )
    cast = cast_column(times, pa.date32())
    assert cast.values.to_pylist() == [datetime.date(2017, 1, 1), None, None]
    assert cast.wrong.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("values", "target"), [([[1]], pa.int32()), ([{"a": b"x"}], pa.string()), ([True], pa.int32())]
)
def test_a_cast_between_unrelated_types_is_refused(values: list[Any], target: pa.DataType) -> None:
    with pytest.raises(UncastableError):
        cast_column(pa.array(values), target)


@given(st.decimals(-(10**9), 10**9, places=2))
def test_decimals_are_read_exactly(number: Decimal) -> None:
    assert read_decimal(str(number), 12, 2) == number


def test_a_whole_number_in_scientific_notation_is_marked_as_damaged() -> None:
    found = cast_column(pa.array(["31198512345", "3.11985E+10", "3.11985e+10"]), pa.int64())
    assert found.values.to_pylist() == [31198512345, None, None]
    assert all("scientific notation" in (found.fault(row) or ("", ""))[1] for row in (1, 2))
