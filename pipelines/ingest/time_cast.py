"""Converts columns of typed files (numbers, dates, timestamps) to the contract's times."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ingest.cast_result import CastColumn, UncastableError, keep, sound, to_mask
from pipelines.ingest.time_number import FIRST, LAST, number_times
from pipelines.ingest.time_zone import IMPLAUSIBLE, shop_times
from pipelines.ingest.value_rule import ValueRule

# Microseconds of each unit.
_UNITS = {"s": 10**6, "ms": 10**3, "us": 1}
_DAY_MICROSECONDS = 86_400 * 10**6


def cast_time(values: pa.Array, target: pa.DataType, rule: ValueRule) -> CastColumn:
    """Return numbers, dates or timestamps in the target type: shop wall time, an instant in UTC, or a day.

    Values outside the years 1 to 9999 are null and marked. Digits beyond microseconds are cut off, because Delta keeps
    microseconds.

    Raises:
        UncastableError: the column holds numbers and the contract states no time unit; its times must have a zone and
            have none; or its type is no time.

    """
    source = values.type
    if pa.types.is_date(source):
        return _cast_dates(values, target, rule)
    if pa.types.is_integer(source) or pa.types.is_floating(source):
        if rule.time_unit is None:
            raise UncastableError(f"{source} is no time; state timeUnit in the contract")
        times = number_times(values, rule.time_unit)
    elif pa.types.is_timestamp(source):
        if source.tz is None and rule.zones.must_state and pa.types.is_timestamp(target):
            hint = "the file's times have no zone, and the contract states that every value has one"
            raise UncastableError(hint)
        # Nanoseconds cannot leave the calendar: 64 bits of them are 584 years.
        is_bounded = source.unit == "ns"
        known = sound(values) if is_bounded else _within_calendar(values, values.cast(pa.int64()), _UNITS[source.unit])
        moments = known.values.cast(pa.timestamp("us", source.tz), safe=False)
        times = CastColumn(moments, known.codes, known.faults)
    else:
        raise UncastableError
    return shop_times(times.values, rule.zones, target).after(times)


def _cast_dates(values: pa.Array, target: pa.DataType, rule: ValueRule) -> CastColumn:
    days = values.cast(pa.date32())
    known = _within_calendar(days, days.cast(pa.int32()).cast(pa.int64()), _DAY_MICROSECONDS)
    if pa.types.is_date(target):
        return CastColumn(known.values, known.codes, known.faults)
    return shop_times(known.values.cast(pa.timestamp("us")), rule.zones, target).after(known)


def _within_calendar(values: pa.Array, stored: pa.Array, microseconds: int) -> CastColumn:
    """Return dates or times with null in place of those outside the years 1 to 9999, which are marked.

    `stored` holds their integers, each of which is this number of microseconds.
    """
    low, high = -(-FIRST // microseconds), LAST // microseconds
    extremes = pc.min_max(stored)
    if not extremes["min"].is_valid or (low <= extremes["min"].as_py() and extremes["max"].as_py() <= high):
        return sound(values)
    inside = pc.and_(pc.greater_equal(stored, low), pc.less_equal(stored, high))
    return keep(values, to_mask(inside), IMPLAUSIBLE)
