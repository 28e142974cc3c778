"""Rewrites a bronze table that was made before its contract, or this version, decided whether it stores row hashes.

The rows stay the same. One commit replaces all files, so a rewrite that is killed leaves the table as it was. Then the
former files are deleted; call it while holding the run lock.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pyarrow as pa
from deltalake import Schema
from deltalake.transaction import AddAction, RemoveAction

from installation.lakehouse.rows import plain_type, scan
from pipelines.ingest.bronze import BronzeTable
from pipelines.ingest.stored_hash import stored_hashes, stores_row_hash
from privacy.protection.source_person import HASH_COLUMNS, Protection

_BEFORE = "_loaded_at"
"""Column that follows the row hash, as `bronze_schema` orders them."""


def match_hash_layout(table: BronzeTable, protection: Protection, now: datetime.datetime) -> str | None:
    """Add the columns of the row hash to a table that lacks them, or remove those that its contract does not need.

    Returns a sentence about the rewrite; None if the table does not exist, is as its contract needs it, or has a column
    of another type than the contract. A load refuses such a table.
    """
    if table.delta is None:
        return None
    stored = pa.schema([one.with_type(plain_type(one.type)) for one in pa.schema(table.delta.schema().to_arrow())])
    is_needed = stores_row_hash(table.contract)
    names = set(stored.names)
    types = {one.name: one.type for one in table.schema}
    if all((name in names) == is_needed for name in HASH_COLUMNS) or any(
        types.get(one.name, one.type) != one.type for one in stored
    ):
        return None
    target = _with_hashes(stored) if is_needed else _without_hashes(stored)
    staging = table.new_staging_area()
    before = _total_bytes(table)
    try:
        for rows in _rows(table, stored):
            columns = dict(zip(rows.schema.names, rows.columns, strict=True))
            columns |= stored_hashes(table.contract, columns, rows.num_rows, protection)
            staging.write(pa.record_batch([columns[one.name] for one in target], schema=target))
        actions: list[AddAction | RemoveAction] = [file.add_action(now) for file in staging.finish()]
        table.delta.create_write_transaction(
            actions, "overwrite", Schema.from_arrow(target), list(table.contract.partition_by)
        )
    except BaseException:
        if not table.lists(staging.files):
            staging.discard()
        raise
    table.delta = table.lakehouse.delta(table.contract.table)
    table.lakehouse.vacuum(table.contract.table, 0)
    what = "added to" if is_needed else "removed from"
    return (
        f"row hashes were {what} {table.contract.table}, which takes {_total_bytes(table):,} bytes instead of "
        f"{before:,}"
    )


def _rows(table: BronzeTable, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    assert table.delta is not None
    for read in scan(table.delta):
        yield pa.record_batch([read.column(one.name).cast(one.type) for one in schema], schema=schema)


def _without_hashes(schema: pa.Schema) -> pa.Schema:
    return pa.schema([one for one in schema if one.name not in HASH_COLUMNS])


def _with_hashes(schema: pa.Schema) -> pa.Schema:
    fields = list(_without_hashes(schema))
    place = next((number for number, one in enumerate(fields) if one.name == _BEFORE), len(fields))
    return pa.schema([*fields[:place], *(pa.field(name, pa.int64()) for name in HASH_COLUMNS), *fields[place:]])


def _total_bytes(table: BronzeTable) -> int:
    assert table.delta is not None
    return sum(pa.table(table.delta.get_add_actions()).column("size_bytes").to_pylist())
