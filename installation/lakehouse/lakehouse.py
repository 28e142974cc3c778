"""Reads and writes Delta tables by name, as Arrow tables.

A table's name is its layer and its grain: `silver/touchpoint_event`. Every write is one commit: readers see the table
before it or after it. `pipelines.lakehouse.spark_lakehouse` adds reading and writing with an engine.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from installation.errors import LakehouseError
from installation.lakehouse.rows import quoted, select
from installation.object_store.errors import explained
from installation.object_store.former_version import remove_former_versions
from installation.object_store.place import is_url, open_filesystem

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.fs as pafs
    from deltalake import DeltaTable

TABLE_NAME = re.compile(r"[a-z]+/[a-z][a-z0-9_]*")
# Delta's own default: readers and writers that started within a week still find their files.
DEFAULT_RETENTION_HOURS = 168
LOG_RETENTION = "delta.logRetentionDuration"
DEFAULT_LOG_RETENTION = "interval 30 days"
# Commits that do not change a table's rows, so its fingerprint stays valid.
MAINTENANCE = frozenset({"OPTIMIZE", "VACUUM START", "VACUUM END"})
FINGERPRINT_PREFIX = "fingerprint:"


@dataclass(frozen=True)
class Commit:
    """One version of a table. `note` is the commit's user metadata; None when it has none."""

    version: int
    committed_at: datetime.datetime
    operation: str
    note: str | None


class Lakehouse:
    """The tables below one root: a folder or a URL.

    `storage_options` are the endpoint and the credentials of an object store. An engine gets them when it is opened.
    """

    def __init__(self, root: str, storage_options: Mapping[str, str] | None = None) -> None:
        self.root = root.rstrip("/")
        self.storage_options = dict(storage_options or {})
        self._seen: set[str] = set()

    def path(self, table: str) -> str:
        """Return the location of a table, as a path or URL that both the engine and `deltalake` accept.

        Raises:
            LakehouseError: the name is not layer/name.
        """
        if not TABLE_NAME.fullmatch(table):
            raise LakehouseError(f"{table!r} is not a table name; expected layer/name, such as silver/customer.", table)
        return f"{self.root}/{table}"

    def filesystem(self, table: str | None = None) -> tuple[pafs.FileSystem, str]:
        """Return the file system of a table, or of the root, and the path of its folder there."""
        return open_filesystem(self.root if table is None else self.path(table), self.storage_options)

    def exists(self, table: str) -> bool:
        """Return whether the table exists, that is, has a commit.

        Raises:
            LakehouseError: the object store does not answer.
        """
        from deltalake import DeltaTable

        if table in self._seen:
            return True
        try:
            found = DeltaTable.is_deltatable(self.path(table), storage_options=self.storage_options)
        except OSError as error:
            if error.errno is not None or not is_url(self.root):  # a fault of the disk
                raise
            raise LakehouseError(str(explained(error, self.root, self.storage_options)), table) from error
        if found and is_url(self.root):  # no command removes a table, and each look costs two requests
            self._seen.add(table)
        return found

    def delta(self, table: str) -> DeltaTable:
        """Return the table as `deltalake` opens it, at its newest version.

        Raises:
            LakehouseError: there is no such table.
        """
        from deltalake import DeltaTable

        self.require(table)
        return DeltaTable(self.path(table), storage_options=self.storage_options)

    def require(self, table: str) -> None:
        """Check that the table exists.

        Raises:
            LakehouseError: there is no such table.
        """
        if not self.exists(table):
            raise LakehouseError(f"There is no table {table} at {self.path(table)}: run `bojagi run`.", table)

    def select(self, table: str, expressions: str = "*", where: str | None = None) -> pa.Table:
        """Return rows of a table, deleted rows left out; `expressions` and `where` are SQL of DataFusion.

        Raises:
            LakehouseError: there is no such table.
        """
        return select(self.delta(table), expressions, where)

    def rows(self, table: str, columns: Sequence[str] | None = None, where: str | None = None) -> pa.Table:
        """Return columns (None: all) of every row of a table, deleted rows left out; `where` as for `select`.

        Raises:
            LakehouseError: there is no such table.
        """
        return self.select(table, quoted(columns) if columns else "*", where)

    def append_rows(self, table: str, rows: pa.Table) -> None:
        """Add rows in one commit; makes the table when there is none."""
        from deltalake import write_deltalake

        write_deltalake(self.path(table), rows, mode="append", storage_options=self.storage_options)

    def overwrite_rows(self, table: str, rows: pa.Table) -> None:
        """Replace the table and its schema in one commit, or make it. Earlier versions keep their files."""
        from deltalake import write_deltalake

        write_deltalake(
            self.path(table), rows, mode="overwrite", schema_mode="overwrite", storage_options=self.storage_options
        )

    def size_bytes(self, table: str) -> int:
        """Return the size of the data files of a table's newest version, from its log.

        Raises:
            LakehouseError: there is no such table.
        """
        sizes = self.delta(table).get_add_actions(flatten=True).column("size_bytes").to_pylist()
        return sum(size or 0 for size in sizes)

    def version(self, table: str) -> int | None:
        """Return the number of the latest commit; None when there is no table."""
        return self.delta(table).version() if self.exists(table) else None

    def history(self, table: str, limit: int | None = None) -> tuple[Commit, ...]:
        """Return the commits that the log still lists, newest first; `limit` None returns all."""
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
        """Return the fingerprint of the inputs that the table was last built from; None when there is none.

        It is stored as the note of the commit that last changed rows. A write by another program has no such note; the
        table then counts as out of date.
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

        Below a week (168 hours), no other process may read or write the table.
        """
        return tuple(
            self.delta(table).vacuum(retention_hours=retention_hours, dry_run=False, enforce_retention_duration=False)
        )

    def delete(self, table: str, condition: str) -> int:
        """Delete the rows for which a SQL condition holds, in one commit; return how many.

        The log keeps the condition: name days and opaque keys in it, never a personal value. Earlier versions still
        hold the rows until `forget_history`.
        """
        return int(self.delta(table).delete(condition).get("num_deleted_rows") or 0)

    def forget_history(self, table: str) -> tuple[str, ...]:
        """Delete every earlier version of the table, its files and its log entries; return the deleted files.

        The table's record of loaded files stays. No other process may read or write the table meanwhile.
        """
        delta = self.delta(table)
        kept = delta.metadata().configuration.get(LOG_RETENTION, DEFAULT_LOG_RETENTION)
        delta.alter.set_table_properties({LOG_RETENTION: "interval 0 seconds"})
        removed = self.delta(table).vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)
        self.clean_log(table)
        self.delta(table).alter.set_table_properties({LOG_RETENTION: kept})
        remove_former_versions(self.path(table), self.storage_options)
        return tuple(removed)

    def clean_log(self, table: str) -> None:
        """Write a checkpoint and delete the log's entries that are older than the table's log retention."""
        delta = self.delta(table)
        delta.create_checkpoint()
        delta.cleanup_metadata()
