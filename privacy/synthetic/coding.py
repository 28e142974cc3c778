"""Turns values into codes of a public domain, and codes into values.

A column has coarse codes 0 … size-1, which relate it to other columns, and, if it holds numbers or days, fine codes
that only describe it alone. Null and `other` have codes of their own, after all values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from privacy.synthetic.category_coding import CategoryCoding
from privacy.synthetic.errors import BadSpecification
from privacy.synthetic.number_coding import NumberCoding
from privacy.synthetic.number_kind import DAY, MOMENT, TIME, day_number, moment_number, time_number
from privacy.synthetic.specification import Category, ColumnSpec, Day, Moment, Number, Specification, TimeOfDay
from privacy.synthetic.spread import Codes, Weights


class Coding(Protocol):
    """Codes of one column."""

    @property
    def name(self) -> str:
        """Name of the column."""
        ...

    @property
    def size(self) -> int:
        """Number of coarse codes."""
        ...

    @property
    def fine_size(self) -> int:
        """Number of fine codes; 0 if the column has none."""
        ...

    def require_type(self, found: pa.DataType) -> None:
        """Check that a column of this type can be encoded, or raise `BadSpecification`."""
        ...

    def encode(self, values: pa.Array) -> tuple[Codes, Codes]:
        """Return the coarse code of each value, -1 outside the domain, and the fine codes of those that have one."""
        ...

    def decode(self, codes: Codes, fine: Weights, random: np.random.Generator) -> pa.Array:
        """Return a value for each coarse code; `fine` holds the weight of each fine code; empty: equal."""
        ...

    def condition(self, value: Any) -> tuple[int, pa.Scalar]:
        """Return the coarse code of one value, and the value as it is written; or raise `BadSpecification`."""
        ...


@dataclass(frozen=True)
class Coded:
    """Codes of a table: `coarse` has a code of each row and column; `fine` the fine codes of a column that has some."""

    coarse: Mapping[str, Codes]
    fine: Mapping[str, Codes]
    rows: int


def codings(specification: Specification) -> dict[str, Coding]:
    """Return the coding of each column, in the order of the specification."""
    return {name: coding_of(name, spec) for name, spec in specification.columns.items()}


def coding_of(name: str, spec: ColumnSpec) -> Coding:
    """Return the coding of one column."""
    match spec:
        case Category():
            return CategoryCoding(name, spec)
        case Number():
            return NumberCoding(name, spec)
        case Day():
            return NumberCoding(name, _number(day_number(spec.first), day_number(spec.last), spec), DAY)
        case Moment():
            return NumberCoding(name, _number(moment_number(spec.first), moment_number(spec.last), spec), MOMENT)
        case TimeOfDay():
            return NumberCoding(name, _number(time_number(spec.first), time_number(spec.last), spec), TIME)


def _number(low: float, high: float, spec: Day | Moment | TimeOfDay) -> Number:
    return Number(minimum=low, maximum=high, bins=spec.bins, decimals=0, nullable=spec.nullable)


def require_columns(schema: pa.Schema, columns: Mapping[str, Coding]) -> None:
    """Check names and types of a table's columns. It reads no row, so it comes before the debit.

    Raises:
        BadSpecification: a column is absent, or has a type that its kind does not accept.
    """
    if absent := [name for name in columns if name not in schema.names]:
        raise BadSpecification(f"the table has no columns {absent}; it has {sorted(schema.names)}")
    for name, coding in columns.items():
        coding.require_type(schema.field(name).type)


def encode(table: pa.Table, columns: Mapping[str, Coding]) -> Coded:
    """Return the codes of the rows whose every value is in the domain.

    Raises:
        BadSpecification: the table lacks a column, or has one of another type.
    """
    require_columns(table.schema, columns)
    coded = {name: coding.encode(_whole(table[name])) for name, coding in columns.items()}
    keep = np.ones(table.num_rows, bool)
    for coarse, _ in coded.values():
        keep &= coarse >= 0
    fine = {name: fine_codes for name, (_, fine_codes) in coded.items() if columns[name].fine_size}
    return Coded({name: coarse[keep] for name, (coarse, _) in coded.items()}, fine, int(keep.sum()))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.unify_dictionaries().combine_chunks()
