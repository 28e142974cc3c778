"""Converts columns of landed data to the contract's types and marks the values that cannot be converted.

A wrong value raises no error: it becomes null and is marked. The rules of `pipelines.ingest.value_parser` say how text
is read. A column whose values all have the usual form is converted by Arrow at once, with the same result.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ingest.value_parser import is_iso, reader

Mask = npt.NDArray[np.bool_]
# A money amount computed in binary, such as 0.1 + 0.2, differs from whole cents by less than this. An amount with a
# third decimal place differs by more.
SCALE_TOLERANCE = 1e-6


@dataclass(frozen=True)
class CastColumn:
    """A column in its contract's type. `wrong` is true for each non-null value that could not be converted."""

    values: pa.Array
    wrong: Mask


class UncastableError(Exception):
    """Values of the file's column type can never be converted to the contract's type."""


def cast_column(values: pa.Array, target: pa.DataType, date_format: str | None = None) -> CastColumn:
    """Convert a column to an Arrow type; null stays null, and a value that cannot be converted becomes null.

    Args:
        values: the column, as text or in the type of its file.
        target: the Arrow type of the contract's column.
        date_format: Java date format of dates and times in text; None means ISO 8601.

    Raises:
        UncastableError: no value of the source type can be converted to the target type.

    """
    source = values.type
    if pa.types.is_dictionary(source):
        inner = cast_column(values.dictionary, target, date_format)
        wrong = _take_mask(inner.wrong, values.indices)
        if pa.types.is_string(target):
            return CastColumn(pa.DictionaryArray.from_arrays(values.indices, inner.values), wrong)
        return CastColumn(inner.values.take(values.indices), wrong)
    if source == target and not pa.types.is_floating(target):
        return _sound(values)
    if pa.types.is_null(source):
        return _sound(pa.nulls(len(values), target))
    if pa.types.is_string(target):
        return _sound(_to_text(values))
    if pa.types.is_string(source) or pa.types.is_large_string(source):
        return _from_text(values.cast(pa.string()), target, date_format)
    return _from_typed(values, target)


def _from_text(values: pa.Array, target: pa.DataType, date_format: str | None) -> CastColumn:
    shape = _common_shape(target, date_format)
    if shape and pc.all(pc.match_substring_regex(values, shape), min_count=0).as_py():
        try:
            return _sound(values.cast(target))
        except pa.ArrowInvalid:
            # A date such as February 30 has the usual form but does not exist. The code below reads each value.
            pass
    encoded = values.dictionary_encode()
    read = reader(target, date_format)
    results: list[Any] = []
    failed = np.zeros(len(encoded.dictionary), np.bool_)
    for position, text in enumerate(encoded.dictionary.to_pylist()):
        try:
            results.append(read(text))
        except (ValueError, OverflowError):
            results.append(None)
            failed[position] = True
    return CastColumn(pa.array(results, target).take(encoded.indices), _take_mask(failed, encoded.indices))


def _common_shape(target: pa.DataType, date_format: str | None) -> str | None:
    """Return a regular expression for the usual text form of a type; None if the type has none.

    For matching text Arrow's cast returns the same value as `pipelines.ingest.value_parser`, or fails.
    """
    if pa.types.is_integer(target):
        return "^-?[0-9]{1,18}$"
    if pa.types.is_floating(target):
        return r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$"
    if pa.types.is_decimal(target):
        return rf"^-?[0-9]{{1,{max(1, target.precision - target.scale)}}}(\.[0-9]{{1,{max(1, target.scale)}}})?$"
    if pa.types.is_date(target) and date_format in (None, "yyyy-MM-dd"):
        return "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
    if pa.types.is_timestamp(target) and (date_format is None or is_iso(date_format)):
        return "^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}$"
    return None


def _from_typed(values: pa.Array, target: pa.DataType) -> CastColumn:
    source = values.type
    if pa.types.is_floating(source) and pa.types.is_decimal(target):
        return _cents(values, target)
    if pa.types.is_floating(source) and pa.types.is_integer(target):
        return _where(values, pc.and_(pc.is_finite(values), pc.equal(values, pc.trunc(values))), target)
    if pa.types.is_floating(source) and pa.types.is_floating(target):
        return _where(values, pc.is_finite(values), target)
    if pa.types.is_timestamp(source) and pa.types.is_timestamp(target):
        naive = pc.local_timestamp(values) if source.tz and not target.tz else values
        # Delta keeps microseconds.
        return _sound(naive.cast(target, safe=False))
    if pa.types.is_timestamp(source) and pa.types.is_date(target):
        return _where(values, pc.equal(values, pc.floor_temporal(values, unit="day")), target)
    if pa.types.is_boolean(source) and not pa.types.is_boolean(target):
        raise UncastableError
    try:
        return _sound(values.cast(target))
    except pa.ArrowInvalid:
        return _one_by_one(values, target)
    except pa.ArrowNotImplementedError as error:
        raise UncastableError from error


def _cents(values: pa.Array, target: pa.DataType) -> CastColumn:
    """Convert floating-point numbers to exact decimals; mark those with more digits or decimal places than the type."""
    numbers = values.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = numbers * 10.0**target.scale
        whole = np.rint(scaled)
        # Whole numbers of cents are exact in binary up to 2^53.
        limit = min(10.0**target.precision, 2.0**53)
        sound = np.isfinite(scaled) & (np.abs(scaled - whole) <= SCALE_TOLERANCE * np.maximum(1, np.abs(whole)))
        sound &= np.abs(whole) < limit
    units = np.where(sound, whole, 0).astype(np.int64)
    # A decimal128 is a little-endian 128-bit integer of the smallest unit.
    words = np.empty((len(units), 2), np.int64)
    words[:, 0] = units
    words[:, 1] = units >> 63
    valid = pc.and_(pc.is_valid(values), pa.array(sound))
    buffers = [valid.cast(pa.bool_()).buffers()[1], pa.py_buffer(words)]
    return CastColumn(pa.Array.from_buffers(target, len(values), buffers), _is_valid(values) & ~sound)


def _where(values: pa.Array, sound: pa.Array, target: pa.DataType) -> CastColumn:
    """Convert the values for which `sound` is true; mark the other non-null values as wrong."""
    kept = pc.if_else(sound, values, pa.scalar(None, values.type))
    wrong = _is_valid(values) & ~_mask(sound)
    try:
        return CastColumn(kept.cast(target), wrong)
    except pa.ArrowInvalid:
        rest = _one_by_one(kept, target)
        return CastColumn(rest.values, wrong | rest.wrong)


def _one_by_one(values: pa.Array, target: pa.DataType) -> CastColumn:
    results: list[Any] = []
    wrong = np.zeros(len(values), np.bool_)
    for position, value in enumerate(values):
        try:
            results.append(value.cast(target).as_py())
        except pa.ArrowInvalid:
            results.append(None)
            wrong[position] = True
    return CastColumn(pa.array(results, target), wrong)


def _to_text(values: pa.Array) -> pa.Array:
    try:
        return values.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UncastableError from error


def _sound(values: pa.Array) -> CastColumn:
    return CastColumn(values, np.zeros(len(values), np.bool_))


def _is_valid(values: pa.Array) -> Mask:
    return _mask(pc.is_valid(values))


def _mask(flags: pa.Array) -> Mask:
    result: Mask = flags.fill_null(False).to_numpy(zero_copy_only=False)
    return result


def _take_mask(mask: Mask, indices: pa.Array) -> Mask:
    if not mask.any():
        return np.zeros(len(indices), np.bool_)
    present = _is_valid(indices)
    taken: Mask = present & mask[indices.fill_null(0).to_numpy(zero_copy_only=False)]
    return taken
