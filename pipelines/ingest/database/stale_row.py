"""Deletes rows from the bronze table of a database source that the database does not have any more.

Bronze holds one row for each primary key: the newest. A row is stale if a later load brought another row of its key,
or, where the contract says `deletions: compare`, if its key is gone from the table.

The deletion is a commit of its own, after that of the load. A load that was killed between the two leaves stale rows,
and the next load finds them again, because they are found in the table and not remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from installation.contract.document import Contract
from installation.lakehouse.lakehouse import Lakehouse
from privacy.protection.source_person import HASH_COLUMNS

_ROW = (*HASH_COLUMNS, "_load_id")
"""Columns that name a row in a deletion. They are no personal data, because Delta's log keeps them."""


def comparable_key(contract: Contract) -> list[str]:
    """Return the bronze columns of the primary key, with the token in place of an encrypted column."""
    tokens = {column.name: column.token_name for column in contract.encrypted_columns}
    return [tokens.get(name) or name for name in contract.primary_key]


def delete_replaced(contract: Contract, lakehouse: Lakehouse) -> int:
    """Delete the rows whose key was loaded again later; return how many."""
    key = comparable_key(contract)
    rows = lakehouse.rows(contract.table, [*key, *_ROW, "_loaded_at"])
    newest = rows.group_by(key).aggregate([("_loaded_at", "max")])
    if newest.num_rows == rows.num_rows:
        return 0
    joined = rows.join(newest, key, join_type="inner")
    return _delete(contract, lakehouse, joined.filter(pc.less(joined["_loaded_at"], joined["_loaded_at_max"])))


def find_gone(contract: Contract, lakehouse: Lakehouse, present: Iterable[pa.RecordBatch]) -> tuple[pa.Table, int]:
    """Return the rows whose key is not among the present keys, and the number of all rows of the table.

    `present` has the columns of `comparable_key`.
    """
    key = comparable_key(contract)
    rows = lakehouse.rows(contract.table, [*key, *_ROW])
    schema = pa.schema([rows.schema.field(name) for name in key])
    keys = pa.Table.from_batches(_plain(present, schema), schema)
    return rows.join(keys, key, join_type="left anti"), rows.num_rows


def delete_gone(contract: Contract, lakehouse: Lakehouse, gone: pa.Table) -> int:
    """Delete the rows that `find_gone` returned; return how many."""
    return _delete(contract, lakehouse, gone)


def _plain(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        columns = [batch.column(field.name).cast(field.type) for field in schema]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _delete(contract: Contract, lakehouse: Lakehouse, rows: pa.Table) -> int:
    if rows.num_rows == 0:
        return 0
    named = rows.select(list(_ROW)).group_by(list(_ROW)).aggregate([])
    merge = lakehouse.delta(contract.table).merge(
        named,
        predicate=" AND ".join(f't."{name}" = s."{name}"' for name in _ROW),
        source_alias="s",
        target_alias="t",
    )
    return int(merge.when_matched_delete().execute()["num_target_rows_deleted"])
