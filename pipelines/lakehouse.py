"""Delta tables by name, on any engine.

A table's name is its layer and its grain: `silver/touchpoint_event`. Rows go through the engine (or, in
ingest, through `deltalake`); what Spark Connect has no statement for on every engine (history,
compaction, vacuum, the log) goes through `deltalake`. Every write is one commit: readers see the table
before it or after it.
"""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.conform import TableContract, conform, relax_nullability
from pipelines.errors import LakehouseError

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, DataFrameWriter, SparkSession

TABLE_NAME = re.compile(r"[a-z]+/[a-z][a-z0-9_]*")
# Delta's own default: readers and writers that started within a week still find their files.
DEFAULT_RETENTION_HOURS = 168
LOG_RETENTION = "delta.logRetentionDuration"
DEFAULT_LOG_RETENTION = "interval 30 days"
# Commits that leave a table's rows as they are, and with them what its fingerprint stands for.
MAINTENANCE = frozenset({"OPTIMIZE", "VACUUM START", "VACUUM END"})
FINGERPRINT_PREFIX = "fingerprint:"


@dataclass(frozen=True)
class Commit:
    """One version of a table. `note` is the commit's user metadata."""

    version: int
    committed_at: datetime.datetime
    operation: str
    note: str | None


class Lakehouse:
    """The tables below one root: a folder or a URL.

    `storage_options` (credentials of an object store) reach `deltalake`; the engine has its own
    configuration.
    """

    def __init__(
        self, root: str, spark: SparkSession | None = None, storage_options: Mapping[str, str] | None = None
    ) -> None:
        self.root = root.rstrip("/")
        self._spark = spark
        self.storage_options = dict(storage_options or {})

    @property
    def spark(self) -> SparkSession:
        """The engine's session; ingest, history and maintenance do without."""
        if self._spark is None:
            raise LakehouseError("This needs an engine, and the lakehouse was opened without one.")
        return self._spark

    def path(self, table: str) -> str:
        """Where a table lies, as a path or URL that both the engine and `deltalake` take."""
        if not TABLE_NAME.fullmatch(table):
            raise LakehouseError(f"{table!r} is no table name; expected layer/name, such as silver/customer.", table)
        return f"{self.root}/{table}"

    def exists(self, table: str) -> bool:
        """Whether the table has a first commit."""
        from deltalake import DeltaTable

        return DeltaTable.is_deltatable(self.path(table), storage_options=self.storage_options)

    def delta(self, table: str) -> DeltaTable:
        """The table as `deltalake` sees it.

        Raises:
            LakehouseError: there is no such table.

        """
        from deltalake import DeltaTable

        self._require(table)
        return DeltaTable(self.path(table), storage_options=self.storage_options)

    def read(self, table: str, version: int | None = None) -> DataFrame:
        """The table's rows, at a version or now.

        Raises:
            LakehouseError: there is no such table.

        """
        self._require(table)
        reader = self.spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", str(version))
        return reader.load(self.path(table))

    def overwrite(
        self,
        table: str,
        frame: DataFrame,
        partition_by: Sequence[str] = (),
        fingerprint: str | None = None,
        contract: TableContract | None = None,
    ) -> None:
        """Replace the table, its schema and its partitioning, or make it."""
        writer = self._writer(table, frame, fingerprint, contract).mode("overwrite")
        with _explained(table):
            writer.option("overwriteSchema", "true").partitionBy(*partition_by).save(self.path(table))

    def append(
        self,
        table: str,
        frame: DataFrame,
        fingerprint: str | None = None,
        contract: TableContract | None = None,
    ) -> None:
        """Add rows, and columns that the table does not have yet; makes the table if need be."""
        writer = self._writer(table, frame, fingerprint, contract).mode("append")
        with _explained(table):
            writer.option("mergeSchema", "true").save(self.path(table))

    def replace_days(
        self,
        table: str,
        frame: DataFrame,
        column: str,
        days: Sequence[datetime.date],
        fingerprint: str | None = None,
        contract: TableContract | None = None,
    ) -> None:
        """Replace the rows of these days by the frame's rows of these days, in one commit.

        Rows of other days in the frame are not written. `column` is the date column that the table is
        partitioned by; a table that does not exist yet is made with that partitioning.
        """
        if not days:
            return
        kept = frame.where(frame[column].isin(list(days)))
        if not self.exists(table):
            self.overwrite(table, kept, (column,), fingerprint, contract)
            return
        listed = ", ".join(f"DATE'{day.isoformat()}'" for day in sorted(set(days)))
        writer = self._writer(table, kept, fingerprint, contract).mode("overwrite")
        with _explained(table):
            writer.option("replaceWhere", f"{column} IN ({listed})").save(self.path(table))

    def merge(
        self,
        table: str,
        frame: DataFrame,
        keys: Sequence[str],
        contract: TableContract | None = None,
    ) -> None:
        """Update the rows whose keys the frame has, insert the others; makes the table if need be.

        The keys are not null and unique in the frame; two rows of one key raise. A merge leaves no
        fingerprint.
        """
        if not self.exists(table):
            self.overwrite(table, frame, contract=contract)
            return
        shaped = conform(frame, contract, table) if contract else frame
        view = f"merge_{uuid.uuid4().hex}"
        shaped.createOrReplaceTempView(view)
        condition = " AND ".join(f"target.`{key}` = source.`{key}`" for key in keys)
        try:
            with _explained(table):
                self.spark.sql(
                    f"MERGE INTO delta.`{self.path(table)}` AS target USING {view} AS source ON {condition} "
                    "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
                ).collect()
        finally:
            self.spark.catalog.dropTempView(view)

    def version(self, table: str) -> int | None:
        """The number of the latest commit; None when there is no table."""
        return self.delta(table).version() if self.exists(table) else None

    def history(self, table: str, limit: int | None = None) -> tuple[Commit, ...]:
        """The commits that the log still holds, newest first."""
        return tuple(
            Commit(
                entry["version"],
                datetime.datetime.fromtimestamp(entry["timestamp"] / 1000, datetime.UTC),
                entry["operation"],
                entry.get("userMetadata"),
            )
            for entry in self.delta(table).history(limit)
        )

    def fingerprint(self, table: str) -> str | None:
        """What the last writer said the table was made from; None when nobody knows.

        It is the note of the commit that last changed rows: any other write, also a stranger's, loses it,
        and the table counts as out of date.
        """
        if not self.exists(table):
            return None
        for commit in self.history(table):
            if commit.operation not in MAINTENANCE:
                note = commit.note or ""
                return note.removeprefix(FINGERPRINT_PREFIX) if note.startswith(FINGERPRINT_PREFIX) else None
        return None

    def compact(self, table: str) -> None:
        """Rewrite many small files as few; the rows stay the same."""
        self.delta(table).optimize.compact()

    def vacuum(self, table: str, retention_hours: int = DEFAULT_RETENTION_HOURS) -> tuple[str, ...]:
        """Delete the files that no version younger than this needs; return their names.

        Below a week, nobody else may be reading or writing the table.
        """
        return tuple(
            self.delta(table).vacuum(retention_hours=retention_hours, dry_run=False, enforce_retention_duration=False)
        )

    def delete(self, table: str, condition: str) -> int:
        """Delete the rows for which a SQL condition holds, in one commit; how many.

        The log keeps the condition: name days and opaque keys in it, never a personal value. Earlier versions still
        hold the rows until `forget_history`.
        """
        return int(self.delta(table).delete(condition).get("num_deleted_rows") or 0)

    def forget_history(self, table: str) -> tuple[str, ...]:
        """Leave of the table only what it is now: no earlier version, no file of one, no log entry; the files deleted.

        What the table remembers of loaded files stays. Nobody else may be reading or writing the table.
        """
        delta = self.delta(table)
        kept = delta.metadata().configuration.get(LOG_RETENTION, DEFAULT_LOG_RETENTION)
        delta.alter.set_table_properties({LOG_RETENTION: "interval 0 seconds"})
        removed = self.delta(table).vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)
        self.clean_log(table)
        self.delta(table).alter.set_table_properties({LOG_RETENTION: kept})
        return tuple(removed)

    def clean_log(self, table: str) -> None:
        """Write a checkpoint and delete the log's entries that are older than the table's log retention."""
        delta = self.delta(table)
        delta.create_checkpoint()
        delta.cleanup_metadata()

    def _require(self, table: str) -> None:
        if not self.exists(table):
            raise LakehouseError(f"There is no table {table} at {self.path(table)}: run `bojagi run`.", table)

    def _writer(
        self, table: str, frame: DataFrame, fingerprint: str | None, contract: TableContract | None
    ) -> DataFrameWriter:
        shaped = conform(frame, contract, table) if contract else frame
        writer = relax_nullability(shaped).write.format("delta")
        if fingerprint is None:
            return writer
        return writer.option("userMetadata", FINGERPRINT_PREFIX + fingerprint)


@contextmanager
def _explained(table: str) -> Iterator[None]:
    """Turn an engine's long complaint about a write into one that names the table."""
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise LakehouseError(f"Writing {table} failed; it is as it was before: {said[:500]}", table) from error
