"""Rewrites the files of a Delta table that hold rows of erased persons, in one commit that names no person.

A file without such a row is not touched. The commit lists removed and added files only: a condition such as
`email = '…'` would stay in the log. A table with deletion vectors, with column mapping, or with files of another table
(a shallow clone) is written anew as a whole, because its files cannot be read alone.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema, write_deltalake
from deltalake.transaction import AddAction, RemoveAction

from installation.lakehouse.rows import plain_type, scan
from installation.object_store.place import open_filesystem
from pipelines.ingest.bronze import LINE_COLUMN
from pipelines.ingest.staging_area import StagingArea
from pipelines.ingest.suppressed_row import Mask
from privacy.protection.source_person import HASH_COLUMNS

_BATCH_ROWS = 1 << 18
_WHOLE_TABLE = frozenset({"deletionVectors", "columnMapping", "v2Checkpoint", "rowTracking"})


class TableEdit(Protocol):
    """Which rows of a table change, and how."""

    def columns(self, present: pa.Schema) -> list[str]:
        """Return the columns that `mark` needs, of those that are present."""
        ...

    def mark(self, rows: pa.RecordBatch) -> Mask:
        """Return which rows change."""
        ...

    def is_stained(self, rows: pa.RecordBatch) -> bool:
        """Return whether a dictionary of the rows has a value of a person, with or without a row."""
        ...

    def change(self, rows: pa.RecordBatch, marked: Mask) -> pa.RecordBatch:
        """Return the rows after the change: without the marked rows, or with other values in them."""
        ...


@dataclass(frozen=True)
class Rewrite:
    """The result of a rewrite: rows that were marked, files that were replaced."""

    rows: int = 0
    files: int = 0


def drop(rows: pa.RecordBatch, marked: Mask) -> pa.RecordBatch:
    """Return the rows that are not marked."""
    return rows.filter(pa.array(~marked))


def rewrite_table(location: str, edit: TableEdit, options: Mapping[str, str], now: datetime.datetime) -> Rewrite:
    """Change the rows that an edit marks; return how many rows and files that were.

    Killed at any moment, the table is as before or as after; a repetition finds what is left. `now` is in UTC.

    Raises:
        DeltaError: the table uses a feature that cannot be written.
        OSError: a file cannot be read or written.
    """
    delta = DeltaTable(location, storage_options=dict(options))
    features = set(delta.protocol().reader_features or ()) | set(delta.protocol().writer_features or ())
    paths = pa.table(delta.get_add_actions()).column("path").to_pylist()
    if features & _WHOLE_TABLE or any("://" in path or path.startswith(("/", "file:")) for path in paths):
        return _rewrite_whole(delta, location, edit, options)
    return _Rewriter(delta, location, edit, options, now).run()


class _Rewriter:
    def __init__(
        self, delta: DeltaTable, location: str, edit: TableEdit, options: Mapping[str, str], now: datetime.datetime
    ) -> None:
        self.delta, self.edit, self.now = delta, edit, now
        self.schema = pa.schema(delta.schema().to_arrow())
        self.filesystem, self.folder = open_filesystem(location, options)
        self.partitions = {name: self.schema.field(name).type for name in delta.metadata().partition_columns}

    def run(self) -> Rewrite:
        areas: list[StagingArea] = []
        removed: list[RemoveAction] = []
        rows = 0
        try:
            for file in pa.table(self.delta.get_add_actions()).to_pylist():
                marked = self._marks(file)
                if marked is None:
                    continue
                rows += int(marked.sum())
                # An area for each file: files that are written together would share their dictionaries.
                areas.append(self._new_area())
                self._copy(file, marked, areas[-1])
                removed.append(self._removal(file))
            if removed:
                added = [one.add_action(self.now) for area in areas for one in area.files]
                actions: list[AddAction | RemoveAction] = [*removed, *added]
                schema = Schema.from_arrow(self.schema)
                self.delta.create_write_transaction(actions, "append", schema, list(self.partitions))
        except BaseException:
            for area in areas:
                area.discard()
            raise
        return Rewrite(rows, len(removed))

    def _new_area(self) -> StagingArea:
        names = self.schema.names
        return StagingArea(
            self.filesystem, self.folder, self.partitions,
            [name for name in HASH_COLUMNS if name in names], [name for name in (LINE_COLUMN,) if name in names],
        )  # fmt: skip

    def _marks(self, file: Mapping[str, Any]) -> Mask | None:
        """Return which rows of a file change; None if the file can stay. Reads only the columns that decide."""
        with self._open(file) as parquet:
            present = [*parquet.schema_arrow, *(pa.field(name, kind) for name, kind in self.partitions.items())]
            needed = self.edit.columns(pa.schema([one.with_type(plain_type(one.type)) for one in present]))
            if not needed:
                return None
            stored = [name for name in needed if name not in self.partitions]
            found, is_stained = [], False
            for batch in self._batches(parquet, file, stored):
                found.append(self.edit.mark(batch))
                is_stained = is_stained or bool(found[-1].any()) or self.edit.is_stained(batch)
        marked: Mask = np.concatenate(found) if found else np.zeros(0, np.bool_)
        return marked if is_stained or marked.any() else None

    def _copy(self, file: Mapping[str, Any], marked: Mask, staging: StagingArea) -> None:
        done = 0
        with self._open(file) as parquet:
            for batch in self._batches(parquet, file, None):
                part = marked[done : done + batch.num_rows]
                done += batch.num_rows
                staging.write(_compact(self.edit.change(batch, part) if part.any() else batch))
        staging.finish()

    def _open(self, file: Mapping[str, Any]) -> pq.ParquetFile:
        # A path in the log is encoded as part of a URL.
        source = self.filesystem.open_input_file(f"{self.folder}/{unquote(file['path'])}")
        texts = [field.name for field in pq.read_schema(source) if pa.types.is_string(field.type)]
        source.seek(0)
        return pq.ParquetFile(source, read_dictionary=texts)

    def _batches(
        self, parquet: pq.ParquetFile, file: Mapping[str, Any], columns: list[str] | None
    ) -> Iterator[pa.RecordBatch]:
        values = file.get("partition") or {}
        for read in parquet.iter_batches(_BATCH_ROWS, columns=columns):
            batch = read  # without columns it still has its number of rows
            for place, name in enumerate(read.schema.names):
                # A merge of deltalake writes texts and bytes as views, which not every Arrow function accepts.
                column = read.column(place)
                batch = batch.set_column(place, name, _as(column, plain_type(column.type)))
            for name, kind in self.partitions.items():
                value = pa.scalar(None if values.get(name) is None else str(values[name]), pa.string()).cast(kind)
                batch = batch.append_column(name, pa.repeat(value, batch.num_rows))
            yield batch

    def _removal(self, file: Mapping[str, Any]) -> RemoveAction:
        milliseconds = int(self.now.replace(tzinfo=datetime.UTC).timestamp() * 1000)
        values = {name: None if value is None else str(value) for name, value in (file.get("partition") or {}).items()}
        return RemoveAction(file["path"], True, milliseconds, file["size_bytes"], values)


def _rewrite_whole(delta: DeltaTable, location: str, edit: TableEdit, options: Mapping[str, str]) -> Rewrite:
    """Write all rows that remain as new files of the table, whether or not a row is marked.

    The current files may hold rows that a deletion vector hides. They go when the history is forgotten.
    """
    schema = pa.schema([one.with_type(plain_type(one.type)) for one in pa.schema(delta.schema().to_arrow())])
    filesystem, folder = open_filesystem(location, options)
    # First into files of no version: the writer cannot read from a query that is still running.
    staging = StagingArea(filesystem, folder)
    rows = 0
    try:
        for read in scan(delta):
            batch = pa.record_batch([_as(read.column(one.name), one.type) for one in schema], schema=schema)
            marked = edit.mark(batch)
            rows += int(marked.sum())
            kept = edit.change(batch, marked) if marked.any() else batch
            staging.write(pa.record_batch([_as(kept.column(one.name), one.type) for one in schema], schema=schema))
        staged = (
            pa.record_batch([_as(batch.column(one.name), one.type) for one in schema], schema=schema)
            for file in staging.finish()
            for batch in staging.read(file)
        )
        write_deltalake(
            location, pa.RecordBatchReader.from_batches(schema, staged), mode="overwrite",
            partition_by=list(delta.metadata().partition_columns) or None, storage_options=dict(options),
        )  # fmt: skip
    finally:
        staging.discard()
    return Rewrite(rows, pa.table(delta.get_add_actions()).num_rows)


def _compact(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Return the rows with dictionaries of their own values only: others would be written without any row."""
    columns = [
        values.dictionary_decode().dictionary_encode() if pa.types.is_dictionary(values.type) else values
        for values in rows.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)


def _as(values: pa.Array, kind: pa.DataType) -> pa.Array:
    return values if values.type == kind else values.cast(kind)
