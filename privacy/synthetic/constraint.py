"""Checks the constraints of a specification on rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from privacy.synthetic.coding import Coding, codings
from privacy.synthetic.specification import Implication, Order, Scalar, Specification

Mask = npt.NDArray[np.bool_]


def violations(table: pa.Table, specification: Specification) -> dict[str, int]:
    """Return for each constraint, as text, the number of rows of a table that break it."""
    columns = codings(specification)
    return {
        str(constraint): int((~_meets(table, constraint, columns)).sum()) for constraint in specification.constraints
    }


def keep_rows(table: pa.Table, specification: Specification) -> pa.Table:
    """Return the rows that meet every constraint."""
    columns = codings(specification)
    for constraint in specification.constraints:
        table = table.filter(pa.array(_meets(table, constraint, columns)))
    return table


def _meets(table: pa.Table, constraint: Order | Implication, columns: Mapping[str, Coding]) -> Mask:
    if isinstance(constraint, Order):
        in_order = pc.fill_null(pc.less_equal(table[constraint.low], table[constraint.high]), True)
        return np.asarray(in_order.to_numpy(), bool)
    applies, holds = np.ones(table.num_rows, bool), np.ones(table.num_rows, bool)
    for name, value in constraint.when.items():
        applies &= _is_one_of(table, columns[name], (value,))
    for name, values in constraint.then.items():
        holds &= _is_one_of(table, columns[name], values)
    return ~applies | holds


def _is_one_of(table: pa.Table, coding: Coding, values: tuple[Scalar, ...]) -> Mask:
    codes, _ = coding.encode(table[coding.name].unify_dictionaries().combine_chunks())
    return np.isin(codes, [coding.condition(value)[0] for value in values])
