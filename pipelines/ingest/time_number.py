"""Converts numbers to times, by the time unit that the contract states."""

from __future__ import annotations

import datetime
import re
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ingest.cast_result import CastColumn, keep, to_mask
from pipelines.ingest.time_format import TextTime
from pipelines.ingest.time_zone import IMPLAUSIBLE
from pipelines.ingest.value_fault import Fault, ValueFaultError
from privacy.contract.column import TimeUnit

NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?")
NO_UNIT: Fault = ("time_unit", "a number is no time: state timeUnit, or a format such as yyyyMMdd, in the contract")
EPOCH = datetime.datetime(1970, 1, 1)
# Excel counts days from here. Its days 1 to 60 are off by one, because it takes 1900 for a leap year.
EXCEL_EPOCH = datetime.datetime(1899, 12, 30)
FIRST_EXCEL_DAY = 61
# Microseconds from 1970 to the first and the last moment that Python and Delta can state.
FIRST = -62_135_596_800_000_000
LAST = 253_402_300_799_999_999
LARGEST = Decimal(2**63)
_PER_SECOND = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
_EXCEL_SHIFT = int((EXCEL_EPOCH - EPOCH).total_seconds()) * 10**6
_DAY_MILLISECONDS = 86_400_000


def read_number_time(text: str, unit: TimeUnit) -> TextTime:
    """Return the time that a number in text means. Digits beyond microseconds are cut off.

    Excel days are rounded to the nearest millisecond, which is finer than they are stored.

    Raises:
        ValueFaultError: the number means no time between the years 1 and 9999.

    """
    number = Decimal(text)
    if abs(number) > LARGEST or (unit == "excel_days" and number < FIRST_EXCEL_DAY):
        raise ValueFaultError(*IMPLAUSIBLE)
    if unit == "excel_days":
        microseconds = _EXCEL_SHIFT + int((number * _DAY_MILLISECONDS).to_integral_value(ROUND_HALF_EVEN)) * 1000
    else:
        microseconds = int((number * 10**6 / _PER_SECOND[unit]).to_integral_value(ROUND_FLOOR))
    if not FIRST <= microseconds <= LAST:
        raise ValueFaultError(*IMPLAUSIBLE)
    wall = EPOCH + datetime.timedelta(microseconds=microseconds)
    return TextTime(wall, None if unit == "excel_days" else datetime.UTC)


def number_times(values: pa.Array, unit: TimeUnit) -> CastColumn:
    """Return a column of numbers as timestamps: instants, or wall times for Excel days.

    Numbers that mean no time between the years 1 and 9999 are null and marked.
    """
    target = pa.timestamp("us") if unit == "excel_days" else pa.timestamp("us", "UTC")
    if pa.types.is_integer(values.type) and unit != "excel_days":
        return _integer_times(values, unit, target)
    numbers = values.cast(pa.float64(), safe=False).fill_null(0.0).to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore", over="ignore"):
        if unit == "excel_days":
            microseconds = np.rint(numbers * _DAY_MILLISECONDS) * 1000 + _EXCEL_SHIFT
            is_time = numbers >= FIRST_EXCEL_DAY
        else:
            microseconds = np.rint(numbers * (10**6 / _PER_SECOND[unit]))
            is_time = np.ones(len(numbers), np.bool_)
        is_time &= np.isfinite(microseconds) & (microseconds >= FIRST) & (microseconds <= LAST)
    kept = keep(values, is_time, IMPLAUSIBLE)
    whole = np.where(is_time, microseconds, 0).astype(np.int64)
    return CastColumn(_times(whole, kept.values, target), kept.codes, kept.faults)


def _integer_times(values: pa.Array, unit: TimeUnit, target: pa.DataType) -> CastColumn:
    per_second = _PER_SECOND[unit]
    fitting = keep(values, to_mask(_fits(values)), IMPLAUSIBLE)
    integers = fitting.values.cast(pa.int64())
    # Bounds beyond 64 bits cannot be broken by nanoseconds.
    low, high = max(FIRST * per_second // 10**6, -(2**63)), min(LAST * per_second // 10**6, 2**63 - 1)
    inside = pc.and_(pc.greater_equal(integers, low), pc.less_equal(integers, high))
    kept = keep(integers, to_mask(inside), IMPLAUSIBLE).after(fitting)
    numbers = kept.values.fill_null(0).to_numpy(zero_copy_only=False)
    microseconds = numbers // (per_second // 10**6) if per_second > 10**6 else numbers * (10**6 // per_second)
    return CastColumn(_times(microseconds, kept.values, target), kept.codes, kept.faults)


def _fits(values: pa.Array) -> pa.Array:
    if not pa.types.is_uint64(values.type):
        return pa.array(np.ones(len(values), np.bool_))
    return pc.less_equal(values, pa.scalar(2**63 - 1, pa.uint64()))


def _times(microseconds: Any, valid: pa.Array, target: pa.DataType) -> pa.Array:
    return pa.array(microseconds, pa.int64(), mask=~to_mask(pc.is_valid(valid))).cast(target)
