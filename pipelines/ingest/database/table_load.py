"""Loads a source that is a table of a database: new and changed rows, and the deletion of those that are gone.

Rows take the same way as those of files: contract checks, quarantine, tokens, encryption, row hashes. What is fetched
is never written to disk unencrypted.

The process can be killed at any moment without loss or repetition. One commit makes the rows visible and moves the mark
of the cursor. Before it, the next run fetches the same rows again; after it, rows that are fetched again are known by
their hashes.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from installation.contract.document import Contract
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.ingest.batch_preparation import (
    LoadContext,
    PreparedBatch,
    event_days,
    prepare,
    prepare_all,
)
from pipelines.ingest.bronze import BronzeTable, LoadFigures
from pipelines.ingest.database.connection import Database
from pipelines.ingest.database.connector import open_database
from pipelines.ingest.database.stale_row import comparable_key, delete_gone, delete_replaced, find_gone
from pipelines.ingest.database.table_rows import TableRows
from pipelines.ingest.deduplication import Deduplication
from pipelines.ingest.event_column import event_column
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.field_encryption import RowEncryptor
from pipelines.ingest.hash_layout import match_hash_layout
from pipelines.ingest.load_id import make_load_id
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.load_result import LoadResult
from pipelines.ingest.quarantine import Origin, Quarantine, QuarantineEntry, RefusedFile
from pipelines.ingest.source_file import check_safely, read_safely
from pipelines.ingest.source_refusal import refuse_source
from privacy.contract.document import DatabaseTable
from privacy.protection.source_person import Protection

MAX_BROKEN_ROWS = 100_000
"""More broken rows than this probably mean that the contract describes another table. Nothing is loaded then."""


def load_table(
    contract: Contract, lakehouse: Lakehouse, protection: Protection, now: datetime.datetime, options: LoadOptions
) -> LoadResult:
    """Load the rows of a database table that are new or changed, then delete those that it does not have any more.

    A table that cannot be read is recorded in quarantine and tried again by the next run.
    """
    return _TableLoad(contract, lakehouse, protection, now, options).run()


@dataclass
class _TableLoad:
    contract: Contract
    lakehouse: Lakehouse
    protection: Protection
    now: datetime.datetime
    options: LoadOptions
    broken: list[QuarantineEntry] = field(default_factory=list)

    def __post_init__(self) -> None:
        assert self.contract.file is not None
        assert isinstance(self.contract.file.origin, DatabaseTable)
        self.origin = self.contract.file.origin
        fetch_id = hashlib.sha256(f"{self.contract.id}\0{self.origin.name}\0{self.now}".encode()).hexdigest()
        self.place = Origin(self.origin.name, fetch_id)
        self.load_id = make_load_id(self.contract, [fetch_id])
        self.shared = LoadContext(self.contract, self.protection, self.load_id, self.now, self.options)
        self.quarantine = Quarantine(self.contract, self.lakehouse, self.protection)
        self.result = LoadResult(self.contract.name, self.load_id, files_seen=1)

    def run(self) -> LoadResult:
        """Load the table, and return the result."""
        former = self.quarantine.refused_files()
        try:
            with open_database(self.origin, self.options.credentials.get(self.origin.server)) as database:
                self._load(database)
        except FileFaultError as fault:
            self._refuse(fault, former)
        else:
            self.quarantine.mark_replayed(((file_id, None) for file_id in former), self.load_id)
        return self.result

    def _load(self, database: Database) -> None:
        table = BronzeTable(self.contract, self.lakehouse)
        table.require_form()
        match_hash_layout(table, self.protection, self.now)
        rows = TableRows(self.contract, self.origin, database, table)
        merge = Deduplication(table, event_column(self.contract))
        try:
            self._stage(rows, merge)
            added, quarantined = self.result.rows_added, self.quarantine.add(self.broken, self.load_id, self.now)
            mark = rows.new_mark(self.now, self._zone())
            is_changed = bool(added or quarantined or mark)
            if is_changed:
                table.commit(
                    merge.kept,
                    [],
                    self.now,
                    LoadFigures(self.load_id, added + quarantined, quarantined),
                    [mark] if mark else [],
                )
        except BaseException:
            merge.discard_unless_committed()
            raise
        self.result = replace(self.result, files_new=int(is_changed), notes=rows.notes, drift=rows.drift)
        if self.lakehouse.exists(self.contract.table):
            self.result = replace(self.result, rows_replaced=delete_replaced(self.contract, self.lakehouse))
            if self.origin.deletions == "compare":
                self._delete_gone(rows)

    def _stage(self, rows: TableRows, merge: Deduplication) -> None:
        """Write the rows that the table does not have to data files that no commit names yet."""
        staging = merge.new_staging_area()
        encryptor = RowEncryptor(self.contract, self.protection)
        days: set[datetime.date] = set()
        read = 0
        work = partial(check_safely, work=partial(prepare, shared=self.shared, origins=self.place))
        for prepared in prepare_all(read_safely(rows), work):
            kept, rows_kept = self._unexpired(prepared)
            passed = encryptor.encrypt(kept, rows_kept)
            days |= event_days(passed, merge.event_column)
            staging.write(passed)
            self.broken += prepared.broken
            read += rows_kept + len(prepared.broken)
            if len(self.broken) > MAX_BROKEN_ROWS:
                first = self.broken[0]
                raise FileFaultError(
                    "too_many_faults",
                    f"more than {MAX_BROKEN_ROWS} rows break the contract; the first breaks it in column "
                    f"{first.column}: {first.reason}. Check the table, or correct the contract",
                    column=first.column,
                )
        staging.finish()
        added, known, days = merge.keep_new(staging, days)
        self.result = replace(
            self.result, rows_read=read, rows_added=added, rows_known=known, rows_quarantined=len(self.broken),
            days=tuple(sorted(days)),
        )  # fmt: skip

    def _unexpired(self, prepared: PreparedBatch) -> tuple[dict[str, pa.Array], int]:
        """Return the rows that pass without those whose retention has ended, and their number.

        The database may keep such rows for longer. Loading them again would undo their deletion here. A contract with a
        hold keeps all, because the hold may cover them.
        """
        column, days = self.contract.retention_column, self.contract.retention_days
        if column is None or column not in prepared.passed or days is None or self.contract.retention_hold:
            return prepared.passed, prepared.passed_rows
        first_kept = pa.scalar(self.shared.reference_date - datetime.timedelta(days), pa.date32())
        expired = pc.less(prepared.passed[column].cast(pa.date32(), safe=False), first_kept).fill_null(False)
        if not pc.any(expired).as_py():
            return prepared.passed, prepared.passed_rows
        kept = pc.invert(expired)
        return {name: values.filter(kept) for name, values in prepared.passed.items()}, pc.sum(kept).as_py() or 0

    def _delete_gone(self, rows: TableRows) -> None:
        """Delete the rows whose key the database does not have any more, unless they are suspiciously many."""
        gone, total = find_gone(self.contract, self.lakehouse, self._present_keys(rows))
        share = 100 * gone.num_rows / total if total else 0.0
        if share > self.origin.deletion_limit:
            raise FileFaultError(
                "deletion_limit",
                f"{gone.num_rows:,} of {total:,} rows ({share:.3g} %) are gone from the table, more than the "
                f"{self.origin.deletion_limit:g} % of deletionLimit; none was deleted, and new rows were loaded. "
                "Check that it is the right table, or raise deletionLimit in the contract for this run",
            )
        deleted = delete_gone(self.contract, self.lakehouse, gone)
        self.result = replace(self.result, rows_deleted=deleted, files_new=int(bool(self.result.files_new or deleted)))

    def _present_keys(self, rows: TableRows) -> Iterator[pa.RecordBatch]:
        """Yield the keys that the database has now, converted and tokenised like those in bronze."""
        keys = replace(
            self.contract,
            columns=tuple(self.contract.column(name) for name in self.contract.primary_key),
            subject_key=None,
        )
        shared, names = replace(self.shared, contract=keys), comparable_key(self.contract)
        for batch in rows.present_keys():
            passed = prepare(batch, shared, self.place).passed
            yield pa.RecordBatch.from_arrays([_plain(passed[name]) for name in names], names)

    def _zone(self) -> datetime.tzinfo:
        """Return the zone of times without one in the cursor's column."""
        assert self.contract.file is not None
        cursor = self.origin.cursor
        return self.shared.rules[cursor].zones.source_zone if cursor else datetime.UTC

    def _refuse(self, fault: FileFaultError, former: dict[str, RefusedFile]) -> None:
        refused = refuse_source(self.quarantine, self.place, fault, former, self.load_id, self.now)
        self.result = replace(self.result, refused=(refused,), faults=(refused.message,))


def _plain(values: pa.Array) -> pa.Array:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
