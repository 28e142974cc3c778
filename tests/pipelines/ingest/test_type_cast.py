"""Compares the vectorised casts with reading one value at a time."""

import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.ingest.type_cast import UncastableError, cast_column
from pipelines.ingest.value_parser import python_format, read_date, read_decimal, reader

TARGETS = [
    pa.int32(),
    pa.int64(),
    pa.float64(),
    pa.decimal128(12, 2),
    pa.decimal128(6, 0),
    pa.date32(),
    pa.timestamp("us"),
    pa.bool_(),
]
TEXTS = st.one_of(
    st.text("0123456789.-+eE :T", max_size=20),
    st.integers().map(str),
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.dates().map(str),
    st.datetimes().map(str),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.sampled_from(
        ["true", "Y", "0", "NaN", "inf", "0x1F", "1_000", "１２", "2017-02-30", "2017-02-30 10:00:00", " 1 "]
    ),
)


def one_by_one(texts: list[str | None], target: pa.DataType) -> list[tuple[Any, bool]]:
    read = reader(target, None)
    result: list[tuple[Any, bool]] = []
    for text in texts:
        try:
            result.append((None if text is None else read(text), False))
        except (ValueError, OverflowError):
            result.append((None, True))
    return result


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_text_columns_are_cast_to_the_values_that_are_read_one_by_one(target: pa.DataType) -> None:
    @given(st.lists(st.none() | TEXTS, max_size=4))
    @example(["12"])
    @example(["12.50", None])
    @example(["2017-01-01 10:00:00"])
    @example(["2017-01-01"])
    def check(texts: list[str | None]) -> None:
        for array in (pa.array(texts, pa.string()), pa.array(texts, pa.string()).dictionary_encode()):
            cast = cast_column(array, target)
            assert cast.values.type == target
            found = list(zip(cast.values.to_pylist(), cast.wrong.tolist(), strict=True))
            assert found == one_by_one(texts, target)

    check()


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


@pytest.mark.parametrize(("values", "target"), [([[1]], pa.int32()), ([{"a": 1}], pa.string()), ([True], pa.int32())])
def test_a_cast_between_unrelated_types_is_refused(values: list[Any], target: pa.DataType) -> None:
    with pytest.raises(UncastableError):
        cast_column(pa.array(values), target)


@pytest.mark.parametrize(
    ("java", "text", "expected"),
    [
        ("yyyy.MM.dd", "2017.03.01", datetime.date(2017, 3, 1)),
        ("yyyyMMdd", "20170301", datetime.date(2017, 3, 1)),
        ("dd/MM/yy", "01/03/17", datetime.date(2017, 3, 1)),
        ("yyyy년 MM월 dd일", "2017년 03월 01일", datetime.date(2017, 3, 1)),
    ],
)
def test_dates_are_read_in_the_format_of_the_contract_only(java: str, text: str, expected: datetime.date) -> None:
    assert read_date(text, java) == expected
    with pytest.raises(ValueError, match=r"format|convert"):
        read_date("2017-3-1", java)


def test_an_unknown_format_letter_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="unknown part 'EEE'; expected yyyy"):
        python_format("EEE yyyy")
    assert python_format("yyyy-MM-dd'T'HH:mm") == "%Y-%m-%dT%H:%M"


@given(st.decimals(-(10**9), 10**9, places=2))
def test_decimals_are_read_exactly(number: Decimal) -> None:
    assert read_decimal(str(number), 12, 2) == number
