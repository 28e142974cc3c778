"""Converts columns of landed data to the contract's types and marks the values that cannot be converted.

A wrong value raises no error: it becomes null and is marked with the rule that it breaks. The rules of
`pipelines.ingest.value_parser` say how text is read. Values that have the usual form are converted by Arrow at once,
with the same result.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ingest.cast_result import CastColumn, UncastableError, collect, is_valid, keep, marked, sound, to_mask
from pipelines.ingest.identifier_cast import EXACT, check_text, numbers_to_text
from pipelines.ingest.nested_text import nested_to_json
from pipelines.ingest.number_text import plain_column
from pipelines.ingest.time_cast import cast_time
from pipelines.ingest.time_format import is_iso
from pipelines.ingest.time_zone import shop_times
from pipelines.ingest.value_fault import ValueFaultError
from pipelines.ingest.value_parser import reader
from pipelines.ingest.value_rule import PLAIN, ValueRule

# A money amount computed in binary, such as 0.1 + 0.2, differs from whole cents by less than this part of a cent, or,
# for large amounts, by a few neighbouring floating-point numbers. An amount with a third decimal place differs by more.
SCALE_TOLERANCE = 1e-6
NEIGHBOURS = 8
# The year starts with 1 or 2, because Arrow also knows a year 0, which Python and Delta do not.
_ISO_TIME = "^[12][0-9]{3}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}"
_ZONED_TIME = rf"{_ISO_TIME}(\.[0-9]{{1,6}})?(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)$"


def cast_column(values: pa.Array, target: pa.DataType, rule: ValueRule = PLAIN) -> CastColumn:
    """Convert a column to an Arrow type; null stays null, and a value that cannot be converted becomes null.

    Args:
        values: the column, as text or in the type of its file.
        target: the Arrow type of the contract's column.
        rule: the rules of the column.

    Raises:
        UncastableError: no value of the source type can be converted to the target type.

    """
    try:
        return _cast(values, target, rule)
    except pa.ArrowException as error:
        # Arrow's message may hold a value.
        raise UncastableError from error


def _cast(values: pa.Array, target: pa.DataType, rule: ValueRule) -> CastColumn:
    source = values.type
    if pa.types.is_dictionary(source):
        inner = _cast(values.dictionary, target, rule)
        codes = inner.taken(values.indices)
        if pa.types.is_string(target):
            return CastColumn(pa.DictionaryArray.from_arrays(values.indices, inner.values), codes, inner.faults)
        return CastColumn(inner.values.take(values.indices), codes, inner.faults)
    if pa.types.is_null(source):
        return sound(pa.nulls(len(values), target))
    if pa.types.is_float16(source):
        values = values.cast(pa.float32())
    if pa.types.is_string(target):
        return _to_text(values, rule)
    is_time = pa.types.is_date(target) or pa.types.is_timestamp(target)
    is_text = pa.types.is_string(source) or pa.types.is_large_string(source) or pa.types.is_string_view(source)
    if is_text or (is_time and pa.types.is_decimal(source)):
        return _from_text(values.cast(pa.string()), target, rule)
    if is_time:
        return cast_time(values, target, rule)
    return _from_typed(values, target)


def _to_text(values: pa.Array, rule: ValueRule) -> CastColumn:
    if pa.types.is_floating(values.type):
        return numbers_to_text(values, rule)
    if pa.types.is_nested(values.type):
        if rule.is_identifier:
            raise UncastableError
        try:
            return sound(nested_to_json(values))
        except (ValueError, OverflowError) as error:
            raise UncastableError from error
    try:
        texts = sound(values.cast(pa.string()))
    except pa.ArrowInvalid:
        # Bytes that are not UTF-8.
        texts = _one_by_one(values, pa.string())
    return check_text(texts.values, rule).after(texts)


def _from_text(values: pa.Array, target: pa.DataType, rule: ValueRule) -> CastColumn:
    plain, usual_rule = values, rule
    is_number = pa.types.is_integer(target) or pa.types.is_floating(target) or pa.types.is_decimal(target)
    if is_number and rule.number_format is not None and (found := plain_column(values, rule.number_format)) is not None:
        plain, usual_rule = found, replace(rule, number_format=None)
    for shape, is_zoned in _common_shapes(target, usual_rule):
        if pc.all(pc.match_substring_regex(plain, shape), min_count=0).as_py():
            try:
                return _usual(plain, target, usual_rule, is_zoned=is_zoned)
            except pa.ArrowInvalid:
                # A date such as February 30 has the usual form but does not exist. The code below reads each value.
                break
    try:
        read = reader(target, rule)
    except ValueError as error:
        raise UncastableError(str(error)) from error
    encoded = values.dictionary_encode()
    results: list[Any] = []
    faults = []
    for position, text in enumerate(encoded.dictionary.to_pylist()):
        try:
            results.append(read(text))
        except (ValueError, OverflowError) as error:
            results.append(None)
            faults.append((position, error.fault if isinstance(error, ValueFaultError) else None))
    distinct = collect(results, faults, target)
    return CastColumn(distinct.values.take(encoded.indices), distinct.taken(encoded.indices), distinct.faults)


def _usual(values: pa.Array, target: pa.DataType, rule: ValueRule, *, is_zoned: bool) -> CastColumn:
    if not pa.types.is_timestamp(target):
        return sound(values.cast(target))
    return shop_times(values.cast(pa.timestamp("us", "UTC" if is_zoned else None)), rule.zones, target)


def _common_shapes(target: pa.DataType, rule: ValueRule) -> list[tuple[str, bool]]:
    """Return regular expressions for the usual text forms of a type, and whether the form states a zone.

    For matching text Arrow's cast returns the same value as `pipelines.ingest.value_parser`, or fails.
    """
    if rule.number_format is not None or rule.time_unit is not None:
        return []
    if pa.types.is_integer(target):
        return [("^-?(0|[1-9][0-9]{0,17})$" if rule.keeps_zeros else "^-?[0-9]{1,18}$", False)]
    if pa.types.is_floating(target):
        return [(r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$", False)]
    if pa.types.is_decimal(target):
        whole, scale = max(1, target.precision - target.scale), max(1, target.scale)
        return [(rf"^-?[0-9]{{1,{whole}}}(\.[0-9]{{1,{scale}}})?$", False)]
    if pa.types.is_date(target) and rule.date_format in (None, "yyyy-MM-dd"):
        return [("^[12][0-9]{3}-[0-9]{2}-[0-9]{2}$", False)]
    if pa.types.is_timestamp(target) and is_iso(rule.date_format):
        return [(rf"{_ISO_TIME}(\.[0-9]{{1,6}})?$", False), (_ZONED_TIME, True)]
    return []


def _from_typed(values: pa.Array, target: pa.DataType) -> CastColumn:
    source = values.type
    if pa.types.is_boolean(target) and (pa.types.is_integer(source) or pa.types.is_floating(source)):
        # Arrow takes every number but zero for true.
        flags = keep(values, to_mask(pc.is_in(values, pa.array([0, 1], source))), ("type", "neither true nor false"))
        return CastColumn(flags.values.cast(target), flags.codes, flags.faults)
    if source == target and not pa.types.is_floating(target):
        return sound(values)
    if pa.types.is_floating(source) and pa.types.is_decimal(target):
        return _cents(values, target)
    if pa.types.is_floating(source) and pa.types.is_integer(target):
        return _whole(values, target)
    if pa.types.is_floating(source) and pa.types.is_floating(target):
        return _where(values, pc.is_finite(values), target)
    if pa.types.is_boolean(source) or pa.types.is_temporal(source):
        raise UncastableError
    if pa.types.is_integer(source) and pa.types.is_decimal(target):
        # Arrow casts a whole number only to decimals that hold its largest possible value.
        values = values.cast(pa.decimal128(20, 0)).cast(pa.decimal128(38, target.scale))
    try:
        return sound(values.cast(target))
    except pa.ArrowInvalid:
        return _one_by_one(values, target)


def _whole(values: pa.Array, target: pa.DataType) -> CastColumn:
    """Convert floating-point numbers to integers; mark fractions, and numbers so large that they may be another's."""
    limit, fault = EXACT[values.type.bit_width]
    exact = keep(values, to_mask(pc.less(pc.abs(values), float(limit))), fault)
    whole = _where(exact.values, pc.equal(exact.values, pc.trunc(exact.values)), target)
    return whole.after(exact)


def _cents(values: pa.Array, target: pa.DataType) -> CastColumn:
    """Convert floating-point numbers to exact decimals; mark those with more digits or decimal places than the type."""
    numbers = values.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = numbers * 10.0**target.scale
        whole = np.rint(scaled)
        # Whole numbers of cents are exact in binary up to 2^53.
        limit = min(10.0**target.precision, 2.0**53)
        tolerance = np.maximum(SCALE_TOLERANCE, NEIGHBOURS * np.spacing(np.abs(whole)))
        fits = np.isfinite(scaled) & (np.abs(scaled - whole) <= tolerance)
        fits &= np.abs(whole) < limit
    units = np.where(fits, whole, 0).astype(np.int64)
    # A decimal128 is a little-endian 128-bit integer of the smallest unit.
    words = np.empty((len(units), 2), np.int64)
    words[:, 0] = units
    words[:, 1] = units >> 63
    valid = pc.and_(pc.is_valid(values), pa.array(fits))
    buffers = [valid.cast(pa.bool_()).buffers()[1], pa.py_buffer(words)]
    return marked(pa.Array.from_buffers(target, len(values), buffers), is_valid(values) & ~fits)


def _where(values: pa.Array, condition: pa.Array, target: pa.DataType) -> CastColumn:
    """Convert the values for which the condition is true; mark the other non-null values as wrong."""
    kept = keep(values, to_mask(condition))
    try:
        return CastColumn(kept.values.cast(target), kept.codes, kept.faults)
    except pa.ArrowInvalid:
        return _one_by_one(kept.values, target).after(kept)


def _one_by_one(values: pa.Array, target: pa.DataType) -> CastColumn:
    results: list[Any] = []
    faults = []
    for position, value in enumerate(values):
        try:
            results.append(value.cast(target).as_py())
        except (pa.ArrowInvalid, UnicodeDecodeError):
            results.append(None)
            faults.append((position, None))
    return collect(results, faults, target)
