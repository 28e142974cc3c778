"""Times in typed columns and numbers become the shop's wall time; each rule is compared with Python's zones."""

import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.cast_result import UncastableError
from pipelines.ingest.type_cast import cast_column
from pipelines.ingest.value_rule import PLAIN, ValueRule, ZoneRule

NTZ, DAY, INSTANT = pa.timestamp("us"), pa.date32(), pa.timestamp("us", "UTC")
SEOUL = ValueRule(zones=ZoneRule("Asia/Seoul", "Asia/Seoul"))
NEW_YORK = ValueRule(zones=ZoneRule("America/New_York", "Asia/Seoul"))
ZONES = st.sampled_from(["UTC", "Asia/Seoul", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"])


def cast(values: pa.Array, target: pa.DataType = NTZ, rule: ValueRule = SEOUL) -> list[Any]:
    """Return each value in the target type, or the reason why it is marked, up to its colon."""
    found = cast_column(values, target, rule)
    reasons = [(found.fault(row) or ("", ""))[1].partition(":")[0] for row in range(len(values))]
    shown = zip(found.values.to_pylist(), found.wrong, reasons, strict=True)
    return [reason if is_wrong else value for value, is_wrong, reason in shown]


def wall(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


@given(st.lists(st.none() | st.datetimes(wall("0002-01-01"), wall("9998-12-31")), max_size=4), ZONES, ZONES)
def test_an_instant_becomes_the_wall_time_of_the_shop(moments: list[Any], zone: str, shop: str) -> None:
    rule = ValueRule(zones=ZoneRule("UTC", shop))
    instants = [None if moment is None else moment.replace(tzinfo=datetime.UTC) for moment in moments]
    expected = [
        None if instant is None else instant.astimezone(ZoneInfo(shop)).replace(tzinfo=None) for instant in instants
    ]
    column = pa.array(instants, pa.timestamp("us", zone))
    assert cast(column, NTZ, rule) == expected
    assert cast(column, INSTANT, rule) == instants


@given(st.lists(st.datetimes(wall("2015-01-01"), wall("2050-12-31")), max_size=4), ZONES, ZONES)
def test_a_wall_time_of_the_source_is_converted_only_if_it_names_one_instant(
    moments: list[datetime.datetime], source: str, shop: str
) -> None:
    rule = ValueRule(zones=ZoneRule(source, shop))
    for moment, found in zip(moments, cast(pa.array(moments, NTZ), NTZ, rule), strict=True):
        zone = ZoneInfo(source)
        possible = {
            instant
            for offset in (moment.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
            if offset is not None
            and (instant := (moment - offset).replace(tzinfo=datetime.UTC)).astimezone(zone).replace(tzinfo=None)
            == moment
        }
        if source == shop:
            assert found == moment
        elif len(possible) == 1:
            assert found == possible.pop().astimezone(ZoneInfo(shop)).replace(tzinfo=None)
        else:
            assert found.startswith("occurs twice" if possible else "does not exist")


def test_hours_that_clocks_skip_or_repeat_are_marked() -> None:
    times = pa.array(["2017-03-12 02:30:00", "2017-11-05 01:30:00", "2017-11-05 02:00:00", None])
    expected = [
        "does not exist in America/New_York",
        "occurs twice in America/New_York",
        wall("2017-11-05 16:00:00"),
        None,
    ]
    assert cast(times, NTZ, NEW_YORK) == expected
    assert cast(times.cast(NTZ), NTZ, NEW_YORK) == expected
    # A shop in the same zone keeps its wall time.
    own = ValueRule(zones=ZoneRule("America/New_York", "America/New_York"))
    assert cast(times, NTZ, own)[:2] == [wall("2017-03-12 02:30:00"), wall("2017-11-05 01:30:00")]


def test_a_value_without_zone_is_refused_where_the_contract_states_one() -> None:
    rule = ValueRule(zones=ZoneRule("Asia/Seoul", "Asia/Seoul", must_state=True))
    texts = pa.array(["2017-06-01T10:00:00", "2017-06-01T10:00:00Z", None])
    assert cast(texts, NTZ, rule) == [
        "has no zone, and the contract states that every value has one",
        wall("2017-06-01 19:00:00"),
        None,
    ]
    with pytest.raises(UncastableError, match="have no zone"):
        cast(pa.array([0], pa.timestamp("us")), NTZ, rule)


def test_iso_text_with_a_zone_is_read_in_every_format() -> None:
    rule = ValueRule(date_format="dd.MM.yyyy HH:mm", zones=ZoneRule("Asia/Seoul", "Asia/Seoul"))
    texts = pa.array(["01.06.2017 10:00", "2017-06-01T10:00:00Z", "2017-06-01T10:00:00"])
    assert cast(texts, NTZ, rule) == [wall("2017-06-01 10:00:00"), wall("2017-06-01 19:00:00"), ""]


@pytest.mark.parametrize(
    ("unit", "number"),
    [("seconds", 1496532600), ("milliseconds", 1496532600000), ("microseconds", 1496532600 * 10**6),
     ("nanoseconds", 1496532600 * 10**9 + 999)],
)  # fmt: skip
def test_numbers_are_instants_in_the_unit_of_the_contract(unit: Any, number: int) -> None:
    rule = ValueRule(time_unit=unit, zones=ZoneRule("UTC", "Asia/Seoul"))
    expected = [wall("2017-06-04 08:30:00"), None]
    assert cast(pa.array([number, None], pa.int64()), NTZ, rule) == expected
    assert cast(pa.array([number, None], pa.uint64()), NTZ, rule) == expected
    assert cast(pa.array([str(number), None]), NTZ, rule) == expected
    assert cast(pa.array([number, None], pa.decimal128(38, 0)), NTZ, rule) == expected
    if unit != "nanoseconds":
        assert cast(pa.array([number, None], pa.float64()), NTZ, rule) == expected


def test_numbers_without_a_unit_are_no_times() -> None:
    for kind in (pa.int64(), pa.int32(), pa.float64()):
        for target in (NTZ, DAY, INSTANT):
            with pytest.raises(UncastableError, match="is no time; state timeUnit"):
                cast(pa.array([1496532600], pa.int64()).cast(kind, safe=False), target, PLAIN)
    assert cast(pa.array(["1496532600"])) == ["a number is no time"]


def test_excel_days_are_wall_times_and_days() -> None:
    rule = ValueRule(time_unit="excel_days", zones=ZoneRule("Asia/Seoul", "Asia/Seoul"))
    days = [42889.0, 42890.5, 42890.4166666667, 61.0, 60.0, None]
    expected = [
        wall("2017-06-03 00:00:00"),
        wall("2017-06-04 12:00:00"),
        wall("2017-06-04 10:00:00"),
        wall("1900-03-01 00:00:00"),
        "implausible date",
        None,
    ]
    assert cast(pa.array(days), NTZ, rule) == expected
    assert cast(pa.array([None if day is None else str(day) for day in days]), NTZ, rule) == expected
    assert cast(pa.array(days[:2]), DAY, rule) == [
        datetime.date(2017, 6, 3),
        "a time within the day (after conversion to the shop's zone)",
    ]


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=4), st.sampled_from(["s", "ms", "us", "ns"]))
def test_times_outside_the_calendar_are_marked_and_others_are_exact(numbers: list[int | None], unit: str) -> None:
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    found = cast(pa.array(numbers, pa.int64()).cast(pa.timestamp(unit)))
    for number, value in zip(numbers, found, strict=True):
        if number is None:
            assert value is None
            continue
        try:
            # Toward zero, as digits are cut off.
            micros = abs(number) * 10**6 // per_second * (1 if number >= 0 else -1)
            assert value == wall("1970-01-01") + datetime.timedelta(microseconds=micros)
        except OverflowError:
            assert value == "implausible date"


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4))
def test_days_outside_the_calendar_are_marked(numbers: list[int]) -> None:
    for target in (DAY, NTZ):
        for number, value in zip(numbers, cast(pa.array(numbers, pa.int32()).cast(pa.date32()), target), strict=True):
            try:
                day = datetime.date(1970, 1, 1) + datetime.timedelta(days=number)
            except OverflowError:
                assert value == "implausible date"
            else:
                assert value == (day if target == DAY else datetime.datetime.combine(day, datetime.time()))


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
    st.sampled_from(["seconds", "milliseconds", "microseconds", "nanoseconds"]),
)
def test_integers_and_their_texts_give_the_same_times(numbers: list[int], unit: Any) -> None:
    rule = ValueRule(time_unit=unit, zones=ZoneRule("UTC", "Asia/Seoul"))
    assert cast(pa.array(numbers, pa.int64()), INSTANT, rule) == cast(
        pa.array(list(map(str, numbers)), pa.string()), INSTANT, rule
    )


def test_numbers_that_no_time_has_are_marked_without_an_error() -> None:
    rule = ValueRule(time_unit="seconds", zones=ZoneRule("UTC", "UTC"))
    numbers = [np.inf, -np.inf, np.nan, 1e300, 1.5]
    bad = "implausible date"
    assert cast(pa.array(numbers), NTZ, rule) == [bad, bad, bad, bad, wall("1970-01-01 00:00:01.5")]
    assert cast(pa.array([2**64 - 1], pa.uint64()), NTZ, rule) == [bad]
    assert cast(pa.array(["9" * 5000]), NTZ, rule) == [bad]


def test_a_zoned_time_is_a_day_only_at_midnight_in_the_shop() -> None:
    texts = pa.array(["1990-03-14T15:00:00Z", "1990-03-14T00:00:00Z", "1990-03-14", "1990-03-14 00:00:00"])
    inside = "a time within the day (after conversion to the shop's zone)"
    assert cast(texts, DAY) == [
        datetime.date(1990, 3, 15),
        inside,
        datetime.date(1990, 3, 14),
        datetime.date(1990, 3, 14),
    ]
    instants = (
        pa.array([wall("1990-03-14 15:00:00"), wall("1990-03-14 00:00:00")], pa.timestamp("us"))
        .cast(pa.timestamp("ns"))
        .cast(pa.timestamp("ns", "UTC"))
    )
    assert cast(instants, DAY) == [datetime.date(1990, 3, 15), inside]
