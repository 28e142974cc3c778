"""Checks the constraints of a specification on rows."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from privacy.synthetic.specification import Implication, Order


def meets(table: pa.Table, constraint: Order | Implication) -> pa.Array:
    """Return for each row whether it meets the constraint; a null never breaks an order."""
    if isinstance(constraint, Order):
        return pc.fill_null(pc.less_equal(table[constraint.low], table[constraint.high]), True)
    applies = pa.array([True] * table.num_rows, pa.bool_())
    for name, value in constraint.when.items():
        applies = pc.and_(applies, pc.fill_null(pc.equal(table[name], pa.scalar(value)), False))
    holds = pa.array([True] * table.num_rows, pa.bool_())
    for name, values in constraint.then.items():
        holds = pc.and_(holds, pc.is_in(table[name], pa.array(values, table[name].type)))
    return pc.or_(pc.invert(applies), holds)


def keep_rows(table: pa.Table, constraints: Sequence[Order | Implication]) -> pa.Table:
    """Return the rows that meet every constraint."""
    for constraint in constraints:
        table = table.filter(meets(table, constraint))
    return table
