"""Makes the public domain of a table from its contract. Nothing is read from the rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from privacy.contract.column import Column
from privacy.contract.document import Document
from privacy.contract.spark_type import parse_type
from privacy.synthetic.errors import BadSpecification
from privacy.synthetic.specification import Category, ColumnSpec, Day, Moment, Number

_WIDE = 1000.0
"""Range from which on numbers above zero are taken for counts or sums, most of which are small."""
_COLUMN: TypeAdapter[ColumnSpec] = TypeAdapter(ColumnSpec)


def contract_domain(
    contract: Document, columns: Sequence[str] | Mapping[str, Mapping[str, Any] | None], purpose: str
) -> dict[str, ColumnSpec]:
    """Return the domain of the named columns.

    `columns` lists names, or maps a name to a domain that a person declares where the contract states none.

    Raises:
        BadSpecification: a column is unknown, identifies people, does not serve the purpose, or has no public domain.
    """
    declared = dict.fromkeys(columns) if not isinstance(columns, Mapping) else columns
    known = {column.name: column for column in contract.columns}
    found: dict[str, ColumnSpec] = {}
    for name, own in declared.items():
        if name not in known:
            raise BadSpecification(f"{contract.table} has no column {name}; choose from {sorted(known)}")
        column = known[name]
        if column.role == "direct" or column.token or column.unique or name == contract.subject_key:
            raise BadSpecification(f"{name} identifies people and is never learned from; remove it")
        if column.is_confidential:
            raise BadSpecification(f"{name} is free text in which people name themselves; remove it")
        if purpose not in column.purposes:
            raise BadSpecification(f"{name} may not serve {purpose}; its purposes are {', '.join(column.purposes)}")
        found[name] = column_domain(column) if own is None else _own(name, own, column)
    return found


def column_domain(column: Column) -> ColumnSpec:
    """Return the domain of one column: its enumeration, or its bounds.

    Raises:
        BadSpecification: the contract states neither.
    """
    nullable = not column.required
    low, high = column.minimum, column.maximum
    if column.enum is not None:
        return Category(values=tuple(_scalar(value) for value in column.enum), nullable=nullable)
    if column.logical_type == "boolean":
        return Category(values=(False, True), nullable=nullable)
    if isinstance(low, datetime) and isinstance(high, datetime):
        return Moment(first=low, last=high, nullable=nullable)
    if isinstance(low, date) and isinstance(high, date):
        return Day(first=low, last=high, nullable=nullable)
    if isinstance(low, int | float) and isinstance(high, int | float):
        return _number(column, float(low), float(high))
    raise BadSpecification(
        f"{column.name}: the contract lists no values and no bounds, so its domain is unknown. Add `enum` or `minimum` "
        "and `maximum` to the contract, or declare a domain for the column. Never take it from the rows"
    )


def _number(column: Column, low: float, high: float) -> Number:
    kind = parse_type(column.spark_type)
    if column.logical_type == "integer":
        decimals = 0
    elif kind.name == "decimal":
        decimals = min(kind.scale, 9)
    else:
        # Four digits of a full range, and never less than cents.
        decimals = min(9, max(2, 4 - math.floor(math.log10(high - low)))) if high > low else 2
    is_skewed = low >= 0 and high - low >= _WIDE
    return Number(
        minimum=low, maximum=high, decimals=decimals, scale="log" if is_skewed else "linear",
        nullable=not column.required,
    )  # fmt: skip


def _own(name: str, own: Mapping[str, Any], column: Column) -> ColumnSpec:
    try:
        declared = _COLUMN.validate_python({"nullable": not column.required, **own})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise BadSpecification(f"{name}: the declared domain is not valid: {faults}") from error
    if column.enum is not None:
        listed = {str(value) for value in column.enum}
        unlisted = sorted(str(value) for value in getattr(declared, "values", ()) if str(value) not in listed)
        if not isinstance(declared, Category) or unlisted:
            raise BadSpecification(f"{name}: the declared domain differs from the values that the contract lists")
    return declared


def _scalar(value: str | float | bool) -> str | int | bool:
    return value if isinstance(value, str | bool | int) else str(value)
