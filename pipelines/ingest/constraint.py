"""Marks the rows whose values break a rule of the contract; such rows go to quarantine.

A duplicate key is no fault of a row: the quality checks count it. A rule of a column with severity `warning` does not
send rows to quarantine either.
"""

import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from installation.contract.document import Column
from pipelines.ingest.cast_result import Mask
from pipelines.ingest.fault import RowFault, RowFaults

# A date outside these years is a placeholder or a typing error, unless the contract states its own bounds.
FIRST_PLAUSIBLE_YEAR, LAST_PLAUSIBLE_YEAR = 1900, 2200


def check_required(values: pa.Array, column: Column, faults: RowFaults) -> None:
    """Mark the rows in which a required value is null."""
    if column.required and values.null_count:
        wrong = pc.is_null(values).to_numpy(zero_copy_only=False)
        faults.mark(wrong, RowFault(column.name, "required", "the value is missing and the contract requires it"))


def check_birth_date(values: pa.Array, column: Column, latest: datetime.date | None, faults: RowFaults) -> None:
    """Mark the rows whose birth date is after the last possible day; `latest` is None for other columns."""
    if latest is None or not pa.types.is_temporal(values.type):
        return
    wrong: Mask = pc.greater(values, _literal(latest, values.type)).fill_null(False).to_numpy(zero_copy_only=False)
    faults.mark(wrong, RowFault(column.name, "plausible_date", "implausible date: a birth date in the future"))


def check_domain(values: pa.Array, column: Column, faults: RowFaults) -> None:
    """Mark the rows whose value is not allowed by the contract's enum, bounds, lengths or pattern; null is allowed."""
    if pa.types.is_dictionary(values.type):
        distinct = RowFaults.none(len(values.dictionary))
        check_domain(values.dictionary, column, distinct)
        if distinct.meanings:
            present = pc.is_valid(values).to_numpy(zero_copy_only=False)
            codes = distinct.codes[values.indices.fill_null(0).to_numpy(zero_copy_only=False)]
            for code, meaning in enumerate(distinct.meanings, 1):
                faults.mark(present & (codes == code), meaning)
        return
    for rule, reason, outside in _broken(values, column):
        wrong: Mask = outside.fill_null(False).to_numpy(zero_copy_only=False)
        faults.mark(wrong, RowFault(column.name, rule, reason))


def _broken(values: pa.Array, column: Column) -> list[tuple[str, str, pa.Array]]:
    broken = []
    if column.enum is not None:
        known = pc.is_in(values, value_set=_literals(column.enum, values.type))
        reason = f"not one of the {len(column.enum)} values that the contract allows"
        broken.append(("enum", reason, pc.and_(pc.is_valid(values), pc.invert(known))))
    broken += _outside_bounds(values, column)
    if pa.types.is_string(values.type):
        broken += _misshapen(values, column)
    return broken


def _outside_bounds(values: pa.Array, column: Column) -> list[tuple[str, str, pa.Array]]:
    minimum, maximum = column.minimum, column.maximum
    rule, kind = "bounds", ""
    if pa.types.is_temporal(values.type) and minimum is None and maximum is None:
        minimum, maximum = datetime.date(FIRST_PLAUSIBLE_YEAR, 1, 1), datetime.date(LAST_PLAUSIBLE_YEAR, 1, 1)
        rule, kind = "plausible_date", "implausible date: "
    if minimum is None and maximum is None:
        return []
    extremes = pc.min_max(values)
    broken = []
    if minimum is not None and _is_less(extremes["min"], least := _literal(minimum, values.type)):
        broken.append((rule, f"{kind}below the minimum {minimum}", pc.less(values, least)))
    if maximum is not None and _is_less(most := _literal(maximum, values.type), extremes["max"]):
        broken.append((rule, f"{kind}above the maximum {maximum}", pc.greater(values, most)))
    return broken


def _misshapen(values: pa.Array, column: Column) -> list[tuple[str, str, pa.Array]]:
    broken = []
    if column.min_length is not None:
        short = pc.less(pc.utf8_length(values), column.min_length)
        broken.append(("length", f"shorter than {column.min_length} characters", short))
    if column.max_length is not None:
        long = pc.greater(pc.utf8_length(values), column.max_length)
        broken.append(("length", f"longer than {column.max_length} characters", long))
    if column.pattern is not None:
        matches = pc.match_substring_regex(values, column.pattern)
        broken.append(("pattern", f"does not match the pattern {column.pattern}", pc.invert(matches)))
    return broken


def _is_less(left: pa.Scalar, right: pa.Scalar) -> bool:
    return bool(left.is_valid and right.is_valid and pc.less(left, right).as_py())


def _literal(bound: Any, kind: pa.DataType) -> pa.Scalar:
    """Return a bound of the contract in the column's type, or in a type that compares with it exactly."""
    if pa.types.is_timestamp(kind) and not isinstance(bound, datetime.datetime):
        bound = datetime.datetime.combine(bound, datetime.time())
    if pa.types.is_decimal(kind):
        scale = max(kind.scale, 6)
        # Arrow compares decimals with the larger scale, for which the digits of a long type need more than 128 bits.
        is_long = kind.precision - kind.scale + scale > 38
        return pa.scalar(Decimal(str(bound)), pa.decimal256(76, scale) if is_long else pa.decimal128(38, scale))
    if pa.types.is_floating(kind) or (pa.types.is_integer(kind) and isinstance(bound, float)):
        return pa.scalar(float(bound), pa.float64())
    if pa.types.is_integer(kind):
        # A bound outside the range of the type holds for all of its values.
        return pa.scalar(max(-(2**63), min(bound, 2**63 - 1)), pa.int64())
    return pa.scalar(bound, kind)


def _literals(allowed: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    if pa.types.is_string(kind):
        return pa.array([str(value) for value in allowed], kind)
    if pa.types.is_decimal(kind):
        return pa.array([Decimal(str(value)) for value in allowed], kind)
    return pa.array(list(allowed), kind)
