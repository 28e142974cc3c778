"""The bronze table of a source: its columns, the files that it holds, and commits that happen once."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from installation.contract.document import Contract, arrow_type
from installation.lakehouse.lakehouse import Lakehouse
from installation.lakehouse.rows import quoted, scan
from pipelines.errors import IngestError
from pipelines.ingest.known_row import Hashes
from pipelines.ingest.stage import Stage, StagedFile
from privacy.protection.source_person import HASH_COLUMNS

LINE_COLUMN = "_line"
# Transactions of the Delta protocol carry a version; a file is loaded once, so ours has only one.
LOADED = 1


def bronze_schema(contract: Contract) -> pa.Schema:
    """The contract's columns, the matching tokens, and where each row came from.

    Confidential columns are ciphertext (`pipelines.ingest.seal`); `<column>_is_valid` stands for those whose rules
    only warn, since nobody can check them later.
    `_line` is the line of a text file or the row of a Parquet file, from 1; the two lanes of `_row_hash`
    are those of `pipelines.ingest.row_hash`, as signed integers; `_loaded_at` is UTC.
    """
    sealed = {column.name for column in contract.encrypted_columns}
    fields = [
        pa.field(column.name, pa.binary() if column.name in sealed else arrow_type(column.spark_type))
        for column in contract.columns
    ]
    fields += [pa.field(column.token_name, pa.string()) for column in contract.columns if column.token]
    fields += [pa.field(column.flag_name, pa.bool_()) for column in contract.flagged_columns]
    fields += [
        pa.field("_load_id", pa.string()),
        pa.field("_source_file", pa.string()),
        pa.field(LINE_COLUMN, pa.int64()),
        *(pa.field(name, pa.int64()) for name in HASH_COLUMNS),
        pa.field("_loaded_at", pa.timestamp("us")),
    ]
    return pa.schema(fields)


class BronzeTable:
    """One source's table at the version at which it was opened."""

    def __init__(self, contract: Contract, lakehouse: Lakehouse) -> None:
        self.contract = contract
        self.lakehouse = lakehouse
        self.schema = bronze_schema(contract)
        self.delta: DeltaTable | None = lakehouse.delta(contract.table) if lakehouse.exists(contract.table) else None

    def holds(self, key: str) -> bool:
        """Whether what goes by this key (a file's id) was committed."""
        return self.delta is not None and self.delta.transaction_version(key) is not None

    def lists(self, files: Sequence[StagedFile]) -> bool:
        """Whether the table as it is now, whoever wrote it, consists of these data files among others."""
        if not files or not self.lakehouse.exists(self.contract.table):
            return False
        paths = pa.table(self.lakehouse.delta(self.contract.table).get_add_actions()).column("path")
        return files[0].path in set(paths.to_pylist())

    def new_stage(self) -> Stage:
        """Where rows wait for their commit."""
        filesystem, folder = filesystem_of(self.lakehouse.path(self.contract.table))
        filesystem.create_dir(folder, recursive=True)
        partitions = {name: self.schema.field(name).type for name in self.contract.partition_by}
        return Stage(filesystem, folder, partitions, HASH_COLUMNS, (LINE_COLUMN,))

    def hashes(self, like: Sequence[StagedFile]) -> Iterator[Hashes]:
        """The hashes of the rows that may equal rows of these files, judged by their columns' ranges."""
        if self.delta is None:
            return
        where = _range_condition(like, self.schema)
        for arrow in scan(self.delta, quoted(HASH_COLUMNS), where):
            yield column_words(arrow, HASH_COLUMNS[0]), column_words(arrow, HASH_COLUMNS[1])

    def commit(self, files: Sequence[StagedFile], keys: Sequence[str], now: datetime.datetime) -> None:
        """Make the files part of the table and remember the keys, in one commit.

        Raises:
            IngestError: the table has a column in another type than the contract.

        """
        properties = CommitProperties(app_transactions=[Transaction(key, LOADED) for key in keys])
        actions: list[AddAction | RemoveAction] = [file.add_action(now) for file in files]
        partition_by = list(self.contract.partition_by)
        if self.delta is None:
            create_table_with_add_actions(
                self.lakehouse.path(self.contract.table),
                Schema.from_arrow(self.schema),
                [action for action in actions if isinstance(action, AddAction)],
                partition_by=partition_by,
                description=self.contract.description,
                storage_options=self.lakehouse.storage_options,
                commit_properties=properties,
            )
            return
        self._widen(self.delta)
        self.delta.create_write_transaction(
            actions, "append", Schema.from_arrow(self.schema), partition_by, commit_properties=properties
        )

    def _widen(self, delta: DeltaTable) -> None:
        """Add columns that the contract gained; they are null in the rows that are there."""
        present = {field.name: field for field in pa.schema(delta.schema().to_arrow())}
        for field in self.schema:
            if field.name in present and present[field.name].type != field.type:
                raise IngestError(
                    f"{self.contract.table} holds {field.name} as {present[field.name].type}, the contract "
                    f"says {field.type}: give the column another name, or load the source into a new table.",
                    self.contract.name,
                )
        added = [field for field in self.schema if field.name not in present]
        if added:
            delta.alter.add_columns([Field.from_arrow(field) for field in added])


def filesystem_of(location: str) -> tuple[pafs.FileSystem, str]:
    """The filesystem of a folder or URL and the path in it."""
    if "://" in location:
        filesystem, path = pafs.FileSystem.from_uri(location)
        return filesystem, path
    return pafs.LocalFileSystem(), location


def column_words(batch: pa.RecordBatch, name: str) -> Any:
    """A lane of the row hash as it was computed."""
    return batch.column(name).to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)


def _range_condition(files: Sequence[StagedFile], schema: pa.Schema) -> str | None:
    """SQL that keeps every row that may equal one of the files' rows, and lets data files be skipped."""
    conditions = []
    for field in schema:
        name = field.name
        known = all(name in file.minimums and not file.null_counts.get(name) for file in files)
        if (
            name.startswith("_")
            or not known
            or not (pa.types.is_integer(field.type) or pa.types.is_temporal(field.type))
        ):
            continue
        least = min(file.minimums[name] for file in files)
        most = max(file.maximums[name] for file in files)
        conditions.append(f'"{name}" BETWEEN {_sql(least, field.type)} AND {_sql(most, field.type)}')
    return " AND ".join(conditions) if conditions else None


def _sql(value: Any, kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return str(value)
    return f"{'DATE' if pa.types.is_date(kind) else 'TIMESTAMP'} '{value.isoformat()}'"
