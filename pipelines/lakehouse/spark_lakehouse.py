"""Reads and writes Delta tables by name, as Spark DataFrames on any engine.

The engine reads and writes the rows. Operations without a Spark Connect statement on every engine (history,
compaction, vacuum, the log) use `deltalake`, see `installation.lakehouse`.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from installation.errors import LakehouseError
from installation.lakehouse.lakehouse import FINGERPRINT_PREFIX, Lakehouse
from pipelines.lakehouse.conformance import conform, relax_nullability
from pipelines.lakehouse.statement_option import StatementOptions
from pipelines.lakehouse.table_copy import TableCopies
from privacy.contract.document import Document

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, DataFrameWriter, SparkSession


class SparkLakehouse(Lakehouse):
    """Reads and writes the tables below one root folder, by the session of an engine."""

    def __init__(
        self,
        root: str,
        spark: SparkSession,
        storage_options: Mapping[str, str] | None = None,
        copies_folder: Path | None = None,
    ) -> None:
        """Open the tables; `copies_folder`: where copies for reading are kept, see `pipelines.lakehouse.table_copy`."""
        super().__init__(root, storage_options)
        self.spark = spark
        self._options = StatementOptions(spark)
        self._copies = None if copies_folder is None else TableCopies(self, copies_folder)
        self._pinned: dict[str, int | None] = {}

    def prepare_for(self, tables: Iterable[str]) -> None:
        """Set the engine's options for statements that read these tables, by their size in the newest version."""
        self._options.choose(sum(self.size_bytes(table) for table in set(tables) if self.exists(table)))

    def close(self) -> None:
        """Delete the copies of tables."""
        if self._copies is not None:
            self._copies.close()

    def pin(self, tables: Iterable[str]) -> None:
        """Read these tables from now on as they are now, whatever others commit. Missing ones stay missing."""
        self.unpin(names := set(tables))
        self._pinned |= {table: self.version(table) for table in names}

    def unpin(self, tables: Iterable[str]) -> None:
        """Read these tables in their newest version again, as whoever writes to them must."""
        for table in tables:
            self._pinned.pop(table, None)

    def exists(self, table: str) -> bool:
        """Return whether the table exists, see `Lakehouse.exists`; of a pinned table, whether it did."""
        return self._pinned[table] is not None if table in self._pinned else super().exists(table)

    def delta(self, table: str) -> DeltaTable:
        """Return the table as `deltalake` opens it, see `Lakehouse.delta`; a pinned one at its version."""
        found = super().delta(table)
        if (version := self._pinned.get(table)) is not None:
            found.load_as_version(version)
        return found

    def read(self, table: str, version: int | None = None) -> DataFrame:
        """Return the table's rows; `version` None reads the newest, or that to which the table is pinned.

        Raises:
            LakehouseError: there is no such table.

        """
        self.require(table)
        reader = self.spark.read.format("delta")
        pinned = self._pinned.get(table)
        if version is None and pinned is not None:
            place = self.path(table) if self._copies is None else self._copies.location(table)
            return reader.option("versionAsOf", str(pinned)).load(place)
        if version is not None:
            return reader.option("versionAsOf", str(version)).load(self.path(table))
        return reader.load(self.path(table) if self._copies is None else self._copies.location(table))

    def overwrite(
        self,
        table: str,
        frame: DataFrame,
        partition_by: Sequence[str] = (),
        fingerprint: str | None = None,
        contract: Document | None = None,
    ) -> None:
        """Replace the table, its schema and its partitioning by the frame; create the table if it is missing."""
        writer = self._writer(table, frame, fingerprint, contract).mode("overwrite")
        with _explained(table):
            writer.option("overwriteSchema", "true").partitionBy(*partition_by).save(self.path(table))

    def append(
        self,
        table: str,
        frame: DataFrame,
        fingerprint: str | None = None,
        contract: Document | None = None,
    ) -> None:
        """Append the frame's rows, and add columns that the table lacks. Creates the table if it is missing."""
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
        contract: Document | None = None,
    ) -> None:
        """Replace the rows of these days by the frame's rows of these days, in one commit.

        Rows of other days in the frame are not written. `column` is the date column by which the table is
        partitioned; a missing table is created with that partitioning.
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
        contract: Document | None = None,
    ) -> None:
        """Update the rows whose keys are in the frame and insert the others. Creates the table if it is missing.

        The keys must be non-null and unique in the frame; two rows with one key raise an error. A merge writes no
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

    def _writer(
        self, table: str, frame: DataFrame, fingerprint: str | None, contract: Document | None
    ) -> DataFrameWriter:
        shaped = conform(frame, contract, table) if contract else frame
        writer = relax_nullability(shaped).write.format("delta")
        if fingerprint is None:
            return writer
        return writer.option("userMetadata", FINGERPRINT_PREFIX + fingerprint)


@contextmanager
def _explained(table: str) -> Iterator[None]:
    """Replace an engine's long error about a write by a one-line `LakehouseError` that names the table.

    A lost session is no such error: the step that writes is repeated.
    """
    from pyspark.errors import PySparkException

    from pipelines.lakehouse.lost_session import is_lost

    try:
        yield
    except PySparkException as error:
        if is_lost(error):
            raise
        message = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise LakehouseError(f"Writing {table} failed; the table is unchanged: {message[:500]}", table) from error
