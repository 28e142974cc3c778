"""Loads the landed files of a source into its bronze table, each exactly once, with identifying columns encrypted.

The process can be killed at any moment without loss or repetition, because of the order of steps:

1. Rows are written to staged data files that no commit names.
2. Rows that break the contract are written to quarantine, which recognises repeated entries.
3. One Delta commit makes the staged rows visible and records the files' ids. Only then has the load happened.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from deltalake.exceptions import CommitFailedError, DeltaError

from installation.contract.document import Contract
from installation.disk_fault import is_disk_full
from installation.lakehouse.lakehouse import Lakehouse
from installation.object_store.errors import explained
from installation.object_store.place import is_url
from pipelines.errors import IngestError
from pipelines.ingest import future_event
from pipelines.ingest.batch_preparation import LoadContext, event_days, prepare, prepare_all
from pipelines.ingest.bronze import BronzeTable, LoadFigures
from pipelines.ingest.database.table_load import load_table
from pipelines.ingest.deduplication import Deduplication
from pipelines.ingest.drift import DriftEvent
from pipelines.ingest.event_column import event_column
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.field_encryption import RowEncryptor
from pipelines.ingest.hash_layout import match_hash_layout
from pipelines.ingest.kafka.topic_load import load_topic
from pipelines.ingest.landing import LandedFile, find_files
from pipelines.ingest.landing_look import WAITING, LandingLook
from pipelines.ingest.load_id import in_utc, make_load_id
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.load_result import LoadResult
from pipelines.ingest.object_store import fetched_objects
from pipelines.ingest.quarantine import REMOVED, Origin, Quarantine, QuarantineEntry, RefusedFile
from pipelines.ingest.source_file import CONTENT_ERRORS, check_safely, open_source, read_safely, unknown_fault
from pipelines.ingest.text_lines import explain_encoding
from privacy.contract.document import DatabaseTable, KafkaTopic
from privacy.protection.source_person import Protection

# A file with more broken rows than this is probably not the file that the contract describes. It is refused as a whole.
MAX_BROKEN_ROWS = 100_000

Clock = Callable[[], datetime.datetime]


def ingest_source(
    contract: Contract,
    lakehouse: Lakehouse,
    landing: Path,
    protection: Protection,
    clock: Clock,
    options: LoadOptions | None = None,
) -> LoadResult:
    """Load the data of a source that its table does not have yet: landed files, objects of a bucket, a database table,
    a topic.

    A file that cannot be read as the contract states is recorded in quarantine. It is tried again when its bytes or
    the contract change. The other files are loaded.

    Args:
        contract: the contract of the source; it must name files (`servers`).
        lakehouse: holds the bronze table and quarantine.
        landing: the landing folder.
        protection: keys for encryption, matching tokens and row hashes.
        clock: returns the time of the load.
        options: settings that decide how files are read; by default those of an installation without settings.

    Raises:
        IngestError: the table or quarantine cannot be written, or another load committed first. The table is as it
            was before this call.

    """
    started = time.monotonic()
    try:
        result = _load(contract, lakehouse, landing, protection, clock, options or LoadOptions())
    except CommitFailedError as error:
        raise IngestError(
            f"Loading {contract.name} stopped: another load committed to {contract.table} first. "
            "Nothing was loaded twice. Run again.",
            contract.name,
        ) from error
    except (OSError, DeltaError) as error:
        if is_url(lakehouse.root) and not is_disk_full(error):
            cause = explained(error, lakehouse.root, lakehouse.storage_options)
            raise IngestError(
                f"Loading {contract.name} failed: {cause} {contract.table} is unchanged; then run again.", contract.name
            ) from error
        detail = str(error).strip().splitlines()[0]
        raise IngestError(
            f"Loading {contract.name} failed: {detail}. {contract.table} is unchanged. "
            "Check that the disk has free space and that the lakehouse is writable, then run again.",
            contract.name,
        ) from error
    return LoadResult(**{**vars(result), "seconds": time.monotonic() - started})


def _load(
    contract: Contract, lakehouse: Lakehouse, landing: Path, protection: Protection, clock: Clock, options: LoadOptions
) -> LoadResult:
    """Load the source from where its contract says that its data come from."""
    origin = contract.file.origin if contract.file else None
    if isinstance(origin, DatabaseTable):
        return load_table(contract, lakehouse, protection, in_utc(clock()), options)
    if isinstance(origin, KafkaTopic):
        return load_topic(contract, lakehouse, protection, in_utc(clock()), options)
    load = _Load(contract, lakehouse, protection, clock, options)
    if origin is None and load.options.landing_root is None:
        return load.run(landing)
    try:
        with fetched_objects(contract, origin, options, load.table.holds) as objects:
            result = load.run(objects.folder)
            objects.remember(BronzeTable(contract, lakehouse).holds)
    except FileFaultError as fault:
        place = load.options.landing_root if origin is None else f"s3://{origin.name}"
        return load.refuse(Origin(f"{place}/{load.file_format.path}", f"fetch:{contract.id}"), fault)
    return replace(result, files_seen=result.files_seen + objects.skipped)


@dataclass
class LoadTotals:
    """Running totals of one load: rows, faults, drift, event days, waiting and loaded files."""

    rows_read: int = 0
    rows_added: int = 0
    rows_known: int = 0
    rows_suppressed: int = 0
    broken: list[QuarantineEntry] = field(default_factory=list)
    days: set[datetime.date] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    drift: list[DriftEvent] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    refused: list[RefusedFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    loaded: list[LandedFile] = field(default_factory=list)


class _Load:
    def __init__(
        self, contract: Contract, lakehouse: Lakehouse, protection: Protection, clock: Clock, options: LoadOptions
    ) -> None:
        if contract.file is None:
            raise IngestError(
                f"Cannot load {contract.name}: its contract {contract.id} names no files. Add `servers` to it.",
                contract.name,
            )
        self.contract = contract
        self.file_format = contract.file
        self.table = BronzeTable(contract, lakehouse)
        self.table.require_form()
        self.protection = protection
        self.quarantine = Quarantine(contract, lakehouse, protection)
        self.encryptor = RowEncryptor(contract, protection)
        self.now = in_utc(clock())
        self.options = options
        self.totals = LoadTotals()

    def run(self, landing: Path) -> LoadResult:
        if note := match_hash_layout(self.table, self.protection, self.now):
            self.totals.notes.append(note)
        files = find_files(landing, self.file_format.path)
        refused = self.quarantine.refused_files()
        fresh = [file for file in files if not self.table.holds(file.file_id)]
        again = {
            file.file_id: refused[file.file_id]
            for file in fresh
            if file.file_id in refused
            and self.contract.sha256 in refused[file.file_id].contracts
            and not _is_early(refused[file.file_id])
        }
        tried = [file for file in fresh if file.file_id not in again]
        look = LandingLook(self.contract, self.table.lakehouse, landing)
        waiting = [file for file in tried if look.is_waiting(file.path)]
        self.totals.waiting += [file.name for file in waiting]
        self.totals.notes += [f"{file.name}: {WAITING}" for file in waiting]
        tried = [file for file in tried if file not in waiting]
        load_id = make_load_id(self.contract, [file.file_id for file in tried])
        if tried:
            early = [file.file_id for file in tried if _is_early(refused.get(file.file_id))]
            self.quarantine.mark_replayed(((file_id, None) for file_id in early), load_id)
            self._load_files(tried, load_id)
        look.save()
        taken = [file.file_id for file in files if file not in fresh] + [file.file_id for file in self.totals.loaded]
        self.quarantine.mark_replayed(((file_id, None) for file_id in taken if file_id in refused), load_id)
        gone = refused.keys() - {file.file_id for file in files}
        self.quarantine.mark_replayed(((file_id, None) for file_id in gone), REMOVED)
        return self._result(load_id, len(files), len(self.totals.loaded), list(again.values()))

    def refuse(self, origin: Origin, fault: FileFaultError) -> LoadResult:
        """Record that the files of a source cannot be reached, and return the result. The next run tries again."""
        load_id = make_load_id(self.contract, [origin.file_id])
        former = self.quarantine.refused_files().get(origin.file_id)
        if former is not None and former.reason == fault.reason:
            return self._result(load_id, 0, 0, [former])
        self._refuse(origin, fault)
        self.quarantine.add(self.totals.broken, load_id, self.now)
        return self._result(load_id, 0, 0, [])

    def _result(self, load_id: str, seen: int, new: int, again: list[RefusedFile]) -> LoadResult:
        totals = self.totals
        return LoadResult(
            source=self.contract.name,
            load_id=load_id,
            files_seen=seen,
            files_new=new,
            rows_read=totals.rows_read,
            rows_added=totals.rows_added,
            rows_quarantined=sum(entry.line is not None for entry in totals.broken),
            rows_known=totals.rows_known,
            rows_suppressed=totals.rows_suppressed,
            days=tuple(sorted(totals.days)),
            faults=(*(file.message for file in again), *totals.faults, *totals.notes),
            refused=(*again, *totals.refused),
            notes=tuple(totals.notes),
            drift=tuple(totals.drift),
            waiting=tuple(totals.waiting),
        )

    def _load_files(self, files: list[LandedFile], load_id: str) -> None:
        shared = LoadContext(self.contract, self.protection, load_id, self.now, self.options)
        merge = Deduplication(self.table, event_column(self.contract))
        try:
            for file in files:
                self._load_file(file, shared, merge)
            keys = [file.file_id for file in self.totals.loaded]
            self.quarantine.add(self.totals.broken, load_id, self.now)
            if keys:
                # The rows of erased persons count, or a file that is loaded again would seem to have more faults.
                read = self.totals.rows_read + self.totals.rows_suppressed
                rows = (read, sum(entry.line is not None for entry in self.totals.broken))
                self.table.commit(merge.kept, keys, self.now, LoadFigures(load_id, *rows))
        except BaseException:
            merge.discard_unless_committed()
            raise

    def _load_file(self, file: LandedFile, shared: LoadContext, merge: Deduplication) -> None:
        staging = merge.new_staging_area()
        source = open_source(file, self.contract, self.options.max_line)
        work = partial(prepare, shared=shared, origins=Origin(file.name, file.file_id))
        origin = Origin(file.name, file.file_id)
        rows = suppressed = 0
        broken: list[QuarantineEntry] = []
        days: set[datetime.date] = set()
        try:
            for prepared in prepare_all(read_safely(source), partial(check_safely, work=work)):
                rows += prepared.rows
                suppressed += prepared.suppressed
                passed = self.encryptor.encrypt(prepared.passed, prepared.passed_rows)
                days |= event_days(passed, merge.event_column)
                staging.write(passed)
                broken += prepared.broken
                _refuse_too_many(broken)
        except (FileFaultError, *CONTENT_ERRORS) as error:
            staging.discard()
            self._refuse(origin, error if isinstance(error, FileFaultError) else unknown_fault(error, "stored"))
            return
        staging.finish()
        if not file.is_unchanged():
            staging.discard()
            self.totals.notes.append(f"{file.name}: not loaded, because it changed while it was read; run again")
            return
        added, known, days = merge.keep_new(staging, days)
        self.totals.rows_added += added
        self.totals.rows_known += known
        self.totals.days |= days
        self.totals.rows_read += rows
        self.totals.rows_suppressed += suppressed
        self.totals.broken += broken
        self.totals.loaded.append(file)
        notes = list(source.notes)
        if suppressed:
            notes.append(f"{suppressed:,} rows of erased persons were left out; the file still holds them")
        if any(entry.rule == "encoding" for entry in broken):
            form = self.file_format
            notes.append(f"some rows have bytes that are not {form.encoding}; {explain_encoding(file, form)}")
        self.totals.notes += [f"{file.name}: {note}" for note in notes]
        self.totals.drift += source.drift

    def _refuse(self, origin: Origin, fault: FileFaultError) -> None:
        place = f", line {fault.line}" if fault.line else ""
        self.totals.faults.append(f"{origin.file}{place}: {fault.reason}")
        reason = f"line {fault.line}: {fault.reason}" if fault.line else fault.reason
        self.totals.broken.append(QuarantineEntry(origin, None, fault.column, fault.rule, reason, None, None))
        self.totals.refused.append(RefusedFile(origin.file, fault.column, fault.rule, reason, self.now))


def _is_early(refused: RefusedFile | None) -> bool:
    """Return whether a file was refused for its future events only. Another reference date may admit them."""
    return refused is not None and refused.rule == future_event.RULE


def _refuse_too_many(broken: list[QuarantineEntry]) -> None:
    if len(broken) > MAX_BROKEN_ROWS:
        first = broken[0]
        are_early = all(entry.rule == future_event.RULE for entry in broken)
        raise FileFaultError(
            future_event.RULE if are_early else "too_many_faults",
            f"more than {MAX_BROKEN_ROWS} rows break the contract; the first breaks it in column {first.column}: "
            f"{first.reason}. Check that this is the right file, or correct the contract",
            first.line,
            first.column,
        )
