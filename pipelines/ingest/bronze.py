"""Reads and commits the bronze table of a source. The table records which files it has loaded."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction, write_deltalake
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from installation.contract.document import Contract, arrow_type
from installation.lakehouse.lakehouse import Lakehouse
from installation.lakehouse.rows import quoted, scan
from pipelines.errors import ContractChangedError
from pipelines.ingest.known_row import Hashes
from pipelines.ingest.staging_area import StagedFile, StagingArea, create_folder
from pipelines.ingest.stored_hash import hashed_columns, is_keyed, row_hashes, stores_row_hash
from pipelines.table_form.change import ChangeKind, compare
from pipelines.table_form.form import form_of, stamped, stored_form
from privacy.contract.document import DatabaseTable
from privacy.protection.source_person import HASH_COLUMNS

LINE_COLUMN = "_line"
FIGURES = "bojagi.load"
"""Key of a commit's metadata: the figures of the load that it made visible."""
LISTED_COMMITS = 100
"""How many of the newest commits are searched for a load. Replays, deletions and compactions also commit."""
LISTED_NEWEST = 10
"""The same for the time of a load, which is looked up every minute."""
# The Delta protocol gives each application transaction a version. A file is loaded once, so one version is enough.
LOADED = 1
KEYED = "keyed"
"""Application transaction that every load of a keyed table moves, so that Delta refuses the second of two at a time."""


def bronze_schema(contract: Contract) -> pa.Schema:
    """Return the Arrow schema of a bronze table: contract columns, matching tokens and technical columns.

    Encrypted columns are binary (`pipelines.ingest.field_encryption`). An encrypted column whose rules only warn also
    gets `<column>_is_valid`, because its ciphertext cannot be checked later.

    Technical columns: `_line` is the line of a text file or the row of a Parquet file, from 1. `_row_hash_low` and
    `_row_hash_high` are the two halves of `pipelines.ingest.row_hash`, as signed integers; a table without personal
    data has neither (`pipelines.ingest.stored_hash`). `_loaded_at` is in UTC.
    """
    encrypted = {column.name for column in contract.encrypted_columns}
    fields = [
        pa.field(column.name, pa.binary() if column.name in encrypted else arrow_type(column.spark_type))
        for column in contract.columns
    ]
    fields += [pa.field(column.token_name, pa.string()) for column in contract.columns if column.token]
    fields += [pa.field(column.flag_name, pa.bool_()) for column in contract.flagged_columns]
    fields += [
        pa.field("_load_id", pa.string()),
        pa.field("_source_file", pa.string()),
        pa.field(LINE_COLUMN, pa.int64()),
        *(pa.field(name, pa.int64()) for name in HASH_COLUMNS if stores_row_hash(contract)),
        pa.field("_loaded_at", pa.timestamp("us")),
    ]
    return pa.schema(fields)


@dataclass(frozen=True)
class LoadFigures:
    """Rows of one load. The commit of the load stores them as JSON in its metadata."""

    load_id: str
    rows_read: int
    rows_quarantined: int


class BronzeTable:
    """The bronze table of one source, at the version that was current when this object was made.

    `delta` is None while the table does not exist.
    """

    def __init__(self, contract: Contract, lakehouse: Lakehouse) -> None:
        self.contract = contract
        self.lakehouse = lakehouse
        self.schema = bronze_schema(contract)
        self.delta: DeltaTable | None = lakehouse.delta(contract.table) if lakehouse.exists(contract.table) else None

    def holds(self, key: str) -> bool:
        """Return whether a commit of this table recorded the key (a file's id, or the load id of a replay)."""
        return self.delta is not None and self.delta.transaction_version(key) is not None

    def lists(self, files: Sequence[StagedFile]) -> bool:
        """Return whether the newest version of the table contains these data files.

        Reads the table again, so a commit made after this object was opened is seen. False for no files.
        """
        if not files or not self.lakehouse.exists(self.contract.table):
            return False
        paths = pa.table(self.lakehouse.delta(self.contract.table).get_add_actions()).column("path")
        return files[0].path in set(paths.to_pylist())

    def require_form(self) -> None:
        """Check that the table has the form of its contract. An empty table gets it; new columns are added by a load.

        Raises:
            ContractChangedError: the table has rows that must be migrated first.
        """
        if self.delta is None:
            return
        difference = compare(stored_form(self.delta, self.contract), form_of(self.contract))
        # The next load of a database table deletes rows whose key was loaded again.
        is_keyed = self.contract.file is not None and isinstance(self.contract.file.origin, DatabaseTable)
        needed = difference.blocking or (is_keyed and difference.of(ChangeKind.KEY))
        if not needed:
            return
        if any(batch.num_rows for batch in scan(self.delta, "1", "true LIMIT 1")):
            raise ContractChangedError(self.contract.table, tuple(one.message for one in difference.changes))
        partition_by = list(self.contract.partition_by) or None
        rows = stamped(self.schema, self.contract).empty_table()
        write_deltalake(self.delta, rows, mode="overwrite", schema_mode="overwrite", partition_by=partition_by)
        self.delta.update_incremental()

    def new_staging_area(self) -> StagingArea:
        """Return an empty staging area, which writes data files in the table's folder, to be committed later."""
        filesystem, folder = self.lakehouse.filesystem(self.contract.table)
        create_folder(filesystem, folder)
        partitions = {name: self.schema.field(name).type for name in self.contract.partition_by}
        return StagingArea(filesystem, folder, partitions, HASH_COLUMNS, (LINE_COLUMN,))

    def hashes(self, like: Sequence[StagedFile]) -> Iterator[Hashes]:
        """Yield the row hashes of those table rows that could equal a row of the given files.

        Rows outside the files' value ranges are skipped. Yields nothing while the table does not exist.
        """
        if self.delta is None:
            return
        present = {field.name for field in self.delta.schema().fields}
        columns = [name for name in hashed_columns(self.contract) if name in present]
        # An event that is sent again has another time of receipt, so ranges of columns beside its key say nothing.
        condition = None if is_keyed(self.contract) else _range_condition(like, self.schema)
        for arrow in scan(self.delta, quoted(columns), condition):
            yield row_hashes(self.contract, arrow)

    def newest_load(self) -> LoadFigures | None:
        """Return the figures of the newest load of files; None if the log lists none."""
        commits = self.delta.history(LISTED_COMMITS) if self.delta is not None else []
        return next((LoadFigures(**json.loads(commit[FIGURES])) for commit in commits if FIGURES in commit), None)

    def newest_load_at(self) -> datetime.datetime | None:
        """Return when the newest load that had something new was committed; None if the newest commits list none."""
        commits = self.delta.history(LISTED_NEWEST) if self.delta is not None else []
        times = (commit["timestamp"] / 1000 for commit in commits if FIGURES in commit)
        return next((datetime.datetime.fromtimestamp(seconds, datetime.UTC) for seconds in times), None)

    def commit(
        self,
        files: Sequence[StagedFile],
        keys: Sequence[str],
        now: datetime.datetime,
        figures: LoadFigures | None = None,
        marks: Sequence[tuple[str, int]] = (),
    ) -> None:
        """Add the files to the table and record the keys and figures, in one commit. Creates a missing table.

        `marks` are keys and values that say how far a source was read: the cursor of a database table, or the offsets
        of a topic.

        Raises:
            CommitFailedError: another load has moved the same mark, or has added rows to a table whose key is unique;
                this load has not compared its rows with those.
        """
        if self.delta is not None and is_keyed(self.contract):
            marks = [*marks, (KEYED, self.delta.version() + 1)]
        properties = CommitProperties(
            app_transactions=[
                *(Transaction(key, LOADED) for key in keys),
                *(Transaction(*mark) for mark in marks),
            ],
            custom_metadata={FIGURES: json.dumps(asdict(figures))} if figures else None,
        )
        actions: list[AddAction | RemoveAction] = [file.add_action(now) for file in files]
        partition_by = list(self.contract.partition_by)
        if self.delta is None:
            create_table_with_add_actions(
                self.lakehouse.path(self.contract.table),
                Schema.from_arrow(stamped(self.schema, self.contract)),
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
        """Add the columns that are new in the contract; they are null in existing rows."""
        present = set(pa.schema(delta.schema().to_arrow()).names)
        added = [field for field in stamped(self.schema, self.contract) if field.name not in present]
        if added:
            delta.alter.add_columns([Field.from_arrow(field) for field in added])


def _range_condition(files: Sequence[StagedFile], schema: pa.Schema) -> str | None:
    """Return a SQL condition that keeps every row that could equal a row of the files.

    It compares integer and time columns with the files' minimum and maximum, so the reader can skip data files. It is
    None if no column has a known range without nulls.
    """
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
