"""Bounds the rows that one person contributes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from privacy.synthetic.errors import BadSpecification


def require_unit(schema: pa.Schema, unit: str | None) -> None:
    """Check that a table has the column of its privacy unit.

    Raises:
        BadSpecification: it does not.
    """
    if unit is not None and unit not in schema.names:
        raise BadSpecification(f"the table has no column {unit}, the privacy unit; it has {sorted(schema.names)}")


def bounded_rows(table: pa.Table, unit: str | None, rows_per_unit: int) -> pa.Table:
    """Return the table with at most `rows_per_unit` rows of each person, chosen at random. Rows without a person go.

    Raises:
        BadSpecification: the table lacks the column of the unit.
    """
    if unit is None:
        return table
    require_unit(table.schema, unit)
    table = table.filter(table[unit].is_valid())
    person = table[unit].combine_chunks().dictionary_encode().indices.to_numpy()
    order = np.lexsort((np.random.default_rng().random(len(person)), person))
    sorted_person = person[order]
    starts = np.r_[0, np.flatnonzero(np.diff(sorted_person)) + 1] if len(order) else np.zeros(0, np.int64)
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    return table.take(pa.array(np.sort(order[rank < rows_per_unit])))
