"""Generators with a planted fault, which the release gate must refuse, each made from an honest model."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from privacy.synthetic.specification import Category, ColumnSpec, Number, Specification


def with_copies(rows: pa.Table, train: pa.Table, share: float, seed: int) -> pa.Table:
    """Return the rows, of which so many are replaced that this share of the training rows is copied."""
    count = round(share * train.num_rows)
    chosen = np.random.default_rng(seed).choice(train.num_rows, count, replace=False)
    copies = train.select(rows.column_names).take(pa.array(chosen)).cast(rows.schema)
    return pa.concat_tables([rows.slice(count), copies])


def with_identifier(rows: pa.Table, train: pa.Table, name: str, share: float, seed: int) -> pa.Table:
    """Return the rows with a further column, in which this share of the values are identifiers of real people."""
    # A stream of its own: real identifiers may be drawn from the same seed.
    random = np.random.default_rng([seed, 1])
    real = train[name].to_pylist()
    made = [f"{one:012x}" for one in random.integers(2**48, size=rows.num_rows)]
    for place in random.choice(rows.num_rows, round(share * rows.num_rows), replace=False):
        made[place] = real[int(random.integers(len(real)))]
    return rows.append_column("reference", pa.array(made))


def add_identifiers(table: pa.Table, seed: int) -> pa.Table:
    """Return a real table with a column `member`, a random identifier of each row."""
    codes = np.random.default_rng(seed).integers(2**48, size=table.num_rows)
    return table.append_column("member", pa.array([f"{code:012x}" for code in codes]))


def domain_of_data(table: pa.Table, declared: Specification) -> Specification:
    """Return the specification that takes values and bounds from the rows, which is the fault."""
    columns: dict[str, ColumnSpec] = {}
    for name, spec in declared.columns.items():
        values = table[name].drop_null().unique().to_pylist()
        if isinstance(spec, Category):
            columns[name] = spec.model_copy(update={"values": tuple(sorted(values))})
        elif isinstance(spec, Number):
            columns[name] = spec.model_copy(update={"minimum": float(min(values)), "maximum": float(max(values))})
        else:
            columns[name] = spec
    return declared.model_copy(update={"columns": columns})
