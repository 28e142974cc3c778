"""Describes the values of each column of a table without showing the value of any one person.

A top value is held by more than HIDDEN_PEOPLE people. A quantile has more than HIDDEN_PEOPLE people at or below it, and
as many at or above it, and is rounded to three digits. Shares are rounded too. Minimum and maximum are never shown.
This protects against a careless look at a table that one may read. It is no guarantee of differential privacy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from privacy.contract.column import Column

HIDDEN_PEOPLE = 10
"""What this many people or fewer share is not shown: a usual threshold of statistical offices for a cell."""
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
MOST_TOP_VALUES = 5
_DIGITS = 3
_LEAST_SHARE = 0.01
"""Rarer values are not shown. Together with rounding, this hides how many rows hold a value that is not shown."""
_IDENTIFIER = "_id"  # numbers whose order means nothing
_EPOCH = date(1970, 1, 1)

Value: TypeAlias = str | int | float | bool


@dataclass(frozen=True)
class ColumnProfile:
    """The profile of one column.

    Attributes:
        column: name of the column.
        type: its type.
        unit: its unit; None when the contract names none.
        null_share: share of rows without a value.
        distinct: number of different values; of a list column, of different elements.
        quantiles: value by quantile, such as `p50`; quantiles near an extreme are left out.
        top: the most frequent values and their share of the rows with a value.
    """

    column: str
    type: str
    unit: str | None
    null_share: float
    distinct: int
    quantiles: Mapping[str, Value] = field(default_factory=dict)
    top: Mapping[str, float] = field(default_factory=dict)


def profile_columns(rows: pa.Table, columns: Sequence[Column], people: pa.ChunkedArray | None) -> list[ColumnProfile]:
    """Return the profile of each column, in their order.

    Args:
        rows: the table, with these columns.
        columns: the columns as the contract declares them.
        people: the person of each row; null where none is known, which counts as one person. None when the table holds
            no persons: then each row counts as a person for quantiles, and all top values are shown.
    """
    codes = None if people is None else _codes(people)
    return [_profile(column, rows[column.name], codes) for column in columns]


def _codes(people: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    coded = people.combine_chunks().dictionary_encode(null_encoding="encode")
    return np.asarray(coded.indices)


def _profile(column: Column, values: pa.ChunkedArray, people: np.ndarray[Any, Any] | None) -> ColumnProfile:
    null_share = round(values.null_count / len(values), 3) if len(values) else 0.0
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        # A list is described by its elements, each of which its row's person holds.
        people = None if people is None else people[np.asarray(pc.list_parent_indices(values))]
        values = pc.list_flatten(values)
    distinct = int(pc.count_distinct(values).as_py()) if len(values) else 0
    found = ColumnProfile(column.name, column.spark_type, column.unit, null_share, distinct)
    filled = np.asarray(values.is_valid().combine_chunks())
    known = values.drop_null().combine_chunks()
    holders = None if people is None else people[filled]
    if not len(known) or pa.types.is_binary(known.type):
        return found
    numbers = None if column.name.endswith(_IDENTIFIER) else _numbers(known)
    quantiles = {} if numbers is None else _quantiles(numbers, holders, known.type)
    # A column whose values are all different has no frequent value.
    top = {} if distinct == len(known) or pa.types.is_timestamp(known.type) else _top(known, holders)
    return replace(found, quantiles=quantiles, top=top)


def _numbers(values: pa.Array) -> np.ndarray[Any, Any] | None:
    """Return the values as floats, dates and times as days since 1970; None when they have no order to speak of."""
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("us")).cast(pa.date32(), safe=False)
    if pa.types.is_date(values.type):
        values = values.cast(pa.date32()).cast(pa.int32())
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_decimal(values.type)):
        return None
    return np.asarray(values.cast(pa.float64(), safe=False))


def _quantiles(
    numbers: np.ndarray[Any, Any], people: np.ndarray[Any, Any] | None, kind: pa.DataType
) -> dict[str, Value]:
    order = np.argsort(numbers, kind="stable")
    ascending = numbers[order]
    holders = np.arange(len(order)) if people is None else people[order]
    below, above = _first_places(holders), len(order) - 1 - _first_places(holders[::-1])[::-1]
    shown: dict[str, Value] = {}
    for share in QUANTILES:
        place = int(share * (len(order) - 1))
        # How many people have a value at or below this one, and how many at or above it.
        until = np.searchsorted(below, np.searchsorted(ascending, ascending[place], side="right"))
        since = len(above) - np.searchsorted(above, np.searchsorted(ascending, ascending[place]))
        if min(int(until), int(since)) > HIDDEN_PEOPLE:
            shown[f"p{share * 100:g}"] = _show(float(ascending[place]), kind)
    return shown


def _first_places(holders: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the first place of each person in the list, ascending."""
    places = np.full(int(holders.max()) + 1, len(holders))
    np.minimum.at(places, holders, np.arange(len(holders)))
    return np.sort(places[places < len(holders)])


def _show(number: float, kind: pa.DataType) -> Value:
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return (_EPOCH + timedelta(days=int(number))).isoformat()
    rounded = _round(number)
    return int(rounded) if pa.types.is_integer(kind) else rounded


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _round(number: float) -> float:
    """Return the number with three significant digits.

    >>> _round(24879.75), _round(0.020996)
    (24900.0, 0.021)
    """
    if not number or not math.isfinite(number):
        return number
    return round(number, _DIGITS - 1 - math.floor(math.log10(abs(number))))


def _top(values: pa.Array, people: np.ndarray[Any, Any] | None) -> dict[str, float]:
    counted = values.value_counts()
    counts = np.asarray(counted.field(1))
    shown: dict[str, float] = {}
    for place in np.argsort(-counts, kind="stable"):
        value, share = counted.field(0)[int(place)], round(int(counts[place]) / len(values), 2)
        if len(shown) == MOST_TOP_VALUES or share < _LEAST_SHARE:
            break
        if people is None or len(np.unique(people[np.asarray(pc.equal(values, value))])) > HIDDEN_PEOPLE:
            shown[_text(value.as_py())] = share
    return shown
