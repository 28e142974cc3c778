"""Reads a table's rows without an engine: a second less for commands that look up a few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.lakehouse import Lakehouse

if TYPE_CHECKING:
    from deltalake import DeltaTable


def read_rows(lakehouse: Lakehouse, table: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Return columns (all by default) of a table, deleted rows left out.

    Raises:
        LakehouseError: there is no such table.
    """
    return rows_of(lakehouse.delta(table), columns)


def rows_of(delta: DeltaTable, columns: Sequence[str] | None = None) -> pa.Table:
    """Return columns (all by default) of an opened table, deleted rows left out.

    Not by `to_pyarrow_table`: it refuses deletion vectors, and its reading threads at times abort the ending process.
    """
    from deltalake import QueryBuilder

    listed = ", ".join(f'"{name}"' for name in columns) if columns else "*"
    rows = pa.table(QueryBuilder().register("held", delta).execute(f"SELECT {listed} FROM held").read_all())
    plain = [(field.name, _plain(field.type)) for field in rows.schema]
    return rows.cast(pa.schema(plain))


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type without the reader's own encodings, which not every Arrow function takes."""
    if pa.types.is_string_view(kind) or pa.types.is_large_string(kind):
        return pa.string()
    return pa.binary() if pa.types.is_binary_view(kind) else kind
