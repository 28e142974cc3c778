"""Reads rows of an opened Delta table with SQL, in this process.

`deltalake`'s own reader to pyarrow is not used. It refuses deletion vectors, and its threads sometimes abort the
process at exit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from deltalake import DeltaTable


def scan(delta: DeltaTable, expressions: str = "*", where: str | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table in batches, deleted rows left out.

    Args:
        delta: the opened table, at any version.
        expressions: the values to select, as SQL of DataFusion, such as `count(*)` or `"a", "b"`.
        where: condition that the rows satisfy; None selects all rows.
    """
    from deltalake import QueryBuilder

    condition = "" if where is None else f" WHERE {where}"
    for batch in QueryBuilder().register("rows", delta).execute(f"SELECT {expressions} FROM rows{condition}"):
        yield pa.record_batch(batch)


def select(delta: DeltaTable, expressions: str = "*", where: str | None = None) -> pa.Table:
    """Return the rows of a table as one Arrow table; see `scan`. Text is `string`, bytes are `binary`."""
    from deltalake import QueryBuilder

    condition = "" if where is None else f" WHERE {where}"
    query = QueryBuilder().register("rows", delta).execute(f"SELECT {expressions} FROM rows{condition}")
    rows = pa.table(query.read_all())
    return rows.cast(pa.schema([(field.name, plain_type(field.type)) for field in rows.schema]))


def quoted(columns: Sequence[str]) -> str:
    """Return a list of columns as SQL.

    >>> quoted(["customer_id", "age"])
    '"customer_id", "age"'
    """
    return ", ".join(f'"{name}"' for name in columns)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the plain type for a type of the reader's own encodings, which not every Arrow function accepts."""
    if pa.types.is_list(kind) or pa.types.is_list_view(kind) or pa.types.is_large_list(kind):
        return pa.list_(plain_type(kind.value_type))
    if pa.types.is_string_view(kind) or pa.types.is_large_string(kind):
        return pa.string()
    return pa.binary() if pa.types.is_binary_view(kind) else kind
