"""Writes the rows of a table in the form of its contract, in one commit that also changes the schema.

Killed at any moment, the table is as before or as after. The table keeps its id, its record of loaded files and its
properties; earlier versions keep their files until a vacuum or an erasure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
from deltalake import CommitProperties, DeltaTable, Field, Schema, write_deltalake

from installation.lakehouse.lakehouse import MAINTENANCE, Lakehouse
from installation.lakehouse.rows import plain_type, scan
from pipelines.errors import MigrationError
from pipelines.ingest.bronze import LINE_COLUMN
from pipelines.ingest.staging_area import StagingArea
from pipelines.migration.plan import MisfitCount
from pipelines.migration.row_change import RowChange, table_schema
from pipelines.table_form.form import stamped
from privacy.protection.source_person import HASH_COLUMNS

MIGRATION = "bojagi.migration"
"""Key of a commit's metadata: the version of the table before the migration."""
_LISTED = 100
_BATCH_ROWS = 1 << 16


def batches(delta: DeltaTable) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table in batches that are large enough for vectorised work."""
    waiting: list[pa.RecordBatch] = []
    for read in scan(delta):
        kinds = [(one.name, plain_type(one.type)) for one in read.schema]
        waiting.append(pa.record_batch([read.column(name).cast(kind) for name, kind in kinds], schema=pa.schema(kinds)))
        if sum(one.num_rows for one in waiting) >= _BATCH_ROWS:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def find_misfits(delta: DeltaTable, change: RowChange) -> MisfitCount:
    """Return the rows that do not fit the contract. Writes nothing."""
    found = MisfitCount()
    for batch in batches(delta):
        changed = change(batch)
        for row in np.flatnonzero(~changed.faults.is_sound).tolist():
            fault = changed.faults.fault(row)
            file = batch.column("_source_file")[row].as_py() if "_source_file" in batch.schema.names else ""
            line = batch.column(LINE_COLUMN)[row].as_py() if LINE_COLUMN in batch.schema.names else None
            found.add(file or "", line, fault.column or "", fault.reason)
    return found


def rewrite(lakehouse: Lakehouse, delta: DeltaTable, change: RowChange, unfit_rows: int = 0) -> None:
    """Write every row in its new form, without those that do not fit: the caller has put these elsewhere.

    Raises:
        MigrationError: other rows do not fit than the `unfit_rows` that were found before. The table is unchanged.
    """
    contract, now = change.contract, change.now
    schema = table_schema(contract)
    filesystem, folder = lakehouse.filesystem(contract.table)
    parts = {name: schema.field(name).type for name in contract.partition_by}
    moves = tuple(delta.metadata().partition_columns) != contract.partition_by
    names = set(schema.names)
    staging = StagingArea(
        filesystem, folder, {} if moves else parts,
        [one for one in HASH_COLUMNS if one in names], [one for one in (LINE_COLUMN,) if one in names],
    )  # fmt: skip
    note = CommitProperties(custom_metadata={MIGRATION: json.dumps({"from": delta.version()})}, max_commit_retries=0)
    stored = Schema.from_arrow(stamped(schema, contract))
    try:
        for batch in batches(delta):
            changed = change(batch)
            unfit_rows -= int((~changed.faults.is_sound).sum())
            fits = pa.array(changed.faults.is_sound)
            staging.write(changed.rows.filter(fits))
        if unfit_rows:
            raise MigrationError((f"{contract.table} was written during its migration. Migrate again",), contract.table)
        files = staging.finish()
        if moves:
            rows = pa.RecordBatchReader.from_batches(
                schema, (_plain(one, schema) for f in files for one in staging.read(f))
            )
            write_deltalake(
                delta, rows, mode="overwrite", schema_mode="overwrite", partition_by=list(parts) or None,
                commit_properties=note,
            )  # fmt: skip
            staging.discard()
            note_form(lakehouse.delta(contract.table), change)
        else:
            delta.create_write_transaction(
                [file.add_action(now) for file in files], "overwrite", stored, list(parts), commit_properties=note
            )
    except BaseException:
        staging.discard()
        raise


def add_columns(delta: DeltaTable, change: RowChange) -> None:
    """Add the columns that the table lacks, null in its rows, and note the contract's form."""
    present = set(pa.schema(delta.schema().to_arrow()).names)
    schema = stamped(table_schema(change.contract), change.contract)
    if added := [Field.from_arrow(one) for one in schema if one.name not in present]:
        delta.alter.add_columns(added)


def note_form(delta: DeltaTable, change: RowChange) -> None:
    """Note the contract's form in the metadata of the columns, without touching a row."""
    for one in stamped(table_schema(change.contract), change.contract):
        if one.metadata:
            texts = {key.decode(): value.decode() for key, value in one.metadata.items()}
            delta.alter.set_column_metadata(one.name, texts)
            delta.update_incremental()


def version_before(delta: DeltaTable) -> int | None:
    """Return the version before the last migration; None if rows were loaded, deleted or erased since."""
    for commit in delta.history(_LISTED):
        if MIGRATION in commit:
            return int(json.loads(commit[MIGRATION])["from"])
        if commit["operation"] not in {*MAINTENANCE, "SET TBLPROPERTIES", "UPDATE FIELD METADATA"}:
            return None
    return None


def has_files(delta: DeltaTable, filesystem: pafs.FileSystem, folder: str) -> bool:
    """Return whether every data file of this version of the table is still there."""
    paths = pa.table(delta.get_add_actions()).column("path").to_pylist()
    infos = filesystem.get_file_info([f"{folder}/{unquote(path)}" for path in paths])
    return all(info.type == pafs.FileType.File for info in infos)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    whole = pa.Table.from_batches(batches).combine_chunks()
    return next(iter(whole.to_batches()), batches[0])


def _plain(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [batch.column(one.name) for one in schema]
    columns = [one.dictionary_decode() if pa.types.is_dictionary(one.type) else one for one in columns]
    return pa.record_batch([one.cast(to.type) for one, to in zip(columns, schema, strict=True)], schema=schema)
