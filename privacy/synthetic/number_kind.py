"""Turns columns of ordered values into numbers and back: numbers, days, moments and times of day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from privacy.synthetic.spread import Weights

_EPOCH_DAY = date(1970, 1, 1).toordinal()
Mask = npt.NDArray[np.bool_] | None


@dataclass(frozen=True)
class NumberKind:
    """How values of one kind become numbers. `accepts` judges a column's type; `parse` reads one value."""

    expected: str
    accepts: Callable[[pa.DataType], bool]
    read: Callable[[pa.Array], Weights]
    write: Callable[[Weights, Mask, int], pa.Array]
    parse: Callable[[Any], float]


def _floats(values: pa.Array) -> Weights:
    return np.asarray(pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)


def _read_number(values: pa.Array) -> Weights:
    numbers = _floats(values)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _read_day(values: pa.Array) -> Weights:
    return _floats(pc.cast(pc.cast(_wall(values), pa.date32(), safe=False), pa.int32()))


def _read_moment(values: pa.Array) -> Weights:
    return _floats(pc.cast(pc.cast(_wall(values), pa.timestamp("s"), safe=False), pa.int64()))


def _read_time(values: pa.Array) -> Weights:
    return _floats(pc.cast(pc.cast(values, pa.time32("s"), safe=False), pa.int32()))


def _wall(values: pa.Array) -> pa.Array:
    """Return moments that state a zone as the wall time of that zone."""
    has_zone = kinds.is_timestamp(values.type) and values.type.tz is not None
    return pc.local_timestamp(values) if has_zone else values


def _write_number(values: Weights, mask: Mask, decimals: int) -> pa.Array:
    if decimals == 0:
        return pa.array(values.astype(np.int64), pa.int64(), mask=mask)
    return pa.array(values, pa.float64(), mask=mask)


def _write_day(values: Weights, mask: Mask, decimals: int) -> pa.Array:
    return pa.array(values.astype(np.int32), pa.int32(), mask=mask).cast(pa.date32())


def _write_moment(values: Weights, mask: Mask, decimals: int) -> pa.Array:
    return pa.array(values.astype(np.int64), pa.int64(), mask=mask).cast(pa.timestamp("s"))


def _write_time(values: Weights, mask: Mask, decimals: int) -> pa.Array:
    return pa.array(values.astype(np.int32), pa.int32(), mask=mask).cast(pa.time32("s"))


def day_number(day: date) -> float:
    """Return the days since 1970-01-01.

    >>> day_number(date(1970, 1, 3))
    2.0
    """
    return float(day.toordinal() - _EPOCH_DAY)


def moment_number(moment: datetime) -> float:
    """Return the seconds since 1970-01-01T00:00 of a wall time.

    >>> moment_number(datetime(1970, 1, 2))
    86400.0
    """
    return moment.replace(tzinfo=UTC).timestamp() // 1


def time_number(moment: time) -> float:
    """Return the seconds since midnight.

    >>> time_number(time(1, 0, 5))
    3605.0
    """
    return float(moment.hour * 3600 + moment.minute * 60 + moment.second)


def _parse_number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError(value)
    return float(value)


def _parse_day(value: Any) -> float:
    return day_number(date.fromisoformat(value) if isinstance(value, str) else value)


def _parse_moment(value: Any) -> float:
    return moment_number(datetime.fromisoformat(value) if isinstance(value, str) else value)


def _parse_time(value: Any) -> float:
    return time_number(time.fromisoformat(value) if isinstance(value, str) else value)


def _is_number(found: pa.DataType) -> bool:
    return bool(kinds.is_integer(found) or kinds.is_floating(found) or kinds.is_decimal(found))


def _is_date(found: pa.DataType) -> bool:
    return bool(kinds.is_date(found) or kinds.is_timestamp(found))


NUMBER = NumberKind("numbers", _is_number, _read_number, _write_number, _parse_number)
DAY = NumberKind("dates", _is_date, _read_day, _write_day, _parse_day)
MOMENT = NumberKind("dates with a time", _is_date, _read_moment, _write_moment, _parse_moment)
TIME = NumberKind("times of day", kinds.is_time, _read_time, _write_time, _parse_time)
