"""Loads the landed files of a source into its bronze table, each exactly once, identifiers encrypted.

The order of steps makes a kill at any moment harmless: rows are staged in files that no commit names;
broken rows are written to quarantine, where a repetition is recognised; then one Delta commit makes the
rows visible and remembers the files' ids. Before it the load has not happened, after it it has.
"""

from __future__ import annotations

import datetime
import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from deltalake.exceptions import CommitFailedError, DeltaError

from installation.contract.document import Contract
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.errors import IngestError
from pipelines.ingest.bronze import BronzeTable
from pipelines.ingest.csv_file import CsvFile
from pipelines.ingest.deduplication import Deduplication
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.json_lines_file import JsonLinesFile
from pipelines.ingest.landing import LandedFile, find_files
from pipelines.ingest.parquet_file import ParquetFile
from pipelines.ingest.prepare import Preparation, event_column, event_days, prepare, prepare_all
from pipelines.ingest.quarantine import Entry, Origin, Quarantine
from pipelines.ingest.report import LoadReport
from pipelines.ingest.seal import Sealer
from pipelines.ingest.text_lines import DEFAULT_MAX_LINE
from privacy.protection.source_person import Protection

# A file with more broken rows than this is another file than the contract describes; it is refused as a
# whole.
MOST_BROKEN_ROWS = 100_000

Clock = Callable[[], datetime.datetime]


def ingest_source(
    contract: Contract,
    lakehouse: Lakehouse,
    landing: Path,
    protection: Protection,
    clock: Clock,
    max_line: int = DEFAULT_MAX_LINE,
) -> LoadReport:
    """Load what has landed for a source and is not in its table yet.

    A file that cannot be read as its contract says is recorded in quarantine and tried again only when
    its bytes or the contract change; the others are loaded. `clock` gives the time of the load;
    `max_line` is in characters.

    Raises:
        IngestError: the table or quarantine cannot be written; the table is as it was before.

    """
    started = time.monotonic()
    try:
        report = _Load(contract, lakehouse, protection, clock, max_line).run(landing)
    except CommitFailedError as error:
        raise IngestError(
            f"Loading {contract.name} came second to another load, which may have taken the same files; "
            "nothing was loaded twice. Run again.",
            contract.name,
        ) from error
    except (OSError, DeltaError) as error:
        said = str(error).strip().splitlines()[0]
        raise IngestError(
            f"Loading {contract.name} failed; {contract.table} is as it was before: {said}. "
            "Check that the disk has room and the lakehouse may be written, then run again.",
            contract.name,
        ) from error
    return LoadReport(**{**vars(report), "seconds": time.monotonic() - started})


@dataclass
class Tally:
    """What was found in the files so far."""

    rows_read: int = 0
    rows_added: int = 0
    rows_known: int = 0
    broken: list[Entry] = field(default_factory=list)
    days: set[datetime.date] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    loaded: list[LandedFile] = field(default_factory=list)


class _Load:
    def __init__(
        self, contract: Contract, lakehouse: Lakehouse, protection: Protection, clock: Clock, max_line: int
    ) -> None:
        if contract.file is None:
            raise IngestError(f"The contract {contract.id} names no files (servers).", contract.name)
        self.contract = contract
        self.file_format = contract.file
        self.table = BronzeTable(contract, lakehouse)
        self.protection = protection
        self.quarantine = Quarantine(contract, lakehouse, protection)
        self.sealer = Sealer(contract, protection)
        self.now = in_utc(clock())
        self.max_line = max_line
        self.tally = Tally()

    def run(self, landing: Path) -> LoadReport:
        files = find_files(landing, self.file_format.path)
        refused = self.quarantine.refused_files()
        fresh = [file for file in files if not self.table.holds(file.file_id)]
        tried = [file for file in fresh if self.contract.sha256 not in refused.get(file.file_id, ())]
        faults = [
            f"{file.name}: still refused; mend it or its contract (see bronze/quarantine)"
            for file in fresh
            if file not in tried
        ]
        load_id = make_load_id(self.contract, [file.file_id for file in tried])
        if tried:
            self._load_files(tried, load_id)
        taken = [file.file_id for file in files if file not in fresh] + [file.file_id for file in self.tally.loaded]
        self.quarantine.mark_replayed(((file_id, None) for file_id in taken if file_id in refused), load_id)
        return self._report(load_id, len(files), len(self.tally.loaded), faults)

    def _report(self, load_id: str, seen: int, new: int, faults: list[str]) -> LoadReport:
        tally = self.tally
        return LoadReport(
            source=self.contract.name,
            load_id=load_id,
            files_seen=seen,
            files_new=new,
            rows_read=tally.rows_read,
            rows_added=tally.rows_added,
            rows_quarantined=sum(entry.line is not None for entry in tally.broken),
            rows_known=tally.rows_known,
            days=tuple(sorted(tally.days)),
            faults=(*faults, *tally.faults),
        )

    def _load_files(self, files: list[LandedFile], load_id: str) -> None:
        shared = Preparation(self.contract, self.protection, load_id, self.now)
        merge = Deduplication(self.table, event_column(self.contract))
        try:
            for file in files:
                self._load_file(file, shared, merge)
            keys = [file.file_id for file in self.tally.loaded]
            self.quarantine.add(self.tally.broken, load_id, self.now)
            if keys:
                self.table.commit(merge.kept, keys, self.now)
        except BaseException:
            merge.discard_unless_committed()
            raise

    def _load_file(self, file: LandedFile, shared: Preparation, merge: Deduplication) -> None:
        stage = merge.new_stage()
        source = open_source(file.path, self.contract, self.max_line)
        origin = Origin(file.name, file.file_id)
        rows = 0
        broken: list[Entry] = []
        days: set[datetime.date] = set()
        try:
            for prepared in prepare_all(source.batches(), partial(prepare, shared=shared, origins=origin)):
                rows += prepared.rows
                passed = self.sealer.seal(prepared.passed, prepared.passed_rows)
                days |= event_days(passed, merge.event_column)
                stage.write(passed)
                broken += prepared.broken
                _refuse_too_many(broken)
        except FileFaultError as fault:
            stage.discard()
            self._refuse(origin, fault)
            return
        stage.finish()
        now = file.path.stat()
        if (now.st_size, now.st_mtime_ns) != (file.size, file.modified_ns):
            stage.discard()
            self.tally.faults.append(f"{file.name}: it changed while it was read; the next run loads it")
            return
        added, known, days = merge.keep_new(stage, days)
        self.tally.rows_added += added
        self.tally.rows_known += known
        self.tally.days |= days
        self.tally.rows_read += rows
        self.tally.broken += broken
        self.tally.loaded.append(file)
        self.tally.faults += [f"{file.name}: {note}" for note in source.notes]

    def _refuse(self, origin: Origin, fault: FileFaultError) -> None:
        place = f", line {fault.line}" if fault.line else ""
        self.tally.faults.append(f"{origin.file}{place}: {fault.reason}")
        reason = f"line {fault.line}: {fault.reason}" if fault.line else fault.reason
        self.tally.broken.append(Entry(origin, None, fault.column, fault.rule, reason, None, None))


def open_source(path: Path, contract: Contract, max_line: int) -> CsvFile | JsonLinesFile | ParquetFile:
    """The reader of a file in the format that the contract states."""
    form = contract.file
    assert form is not None
    if form.format == "parquet":
        return ParquetFile(path, contract)
    if form.format == "jsonl":
        return JsonLinesFile(path, contract, form, max_line)
    return CsvFile(path, contract, form, max_line)


def make_load_id(contract: Contract, keys: Iterable[str]) -> str:
    """The id of a load: the same files under the same contract make the same load, also after a crash."""
    content = "\n".join([contract.id, contract.sha256, *sorted(keys)])
    return f"load_{hashlib.sha256(content.encode()).hexdigest()[:20]}"


def in_utc(now: datetime.datetime) -> datetime.datetime:
    """A time as bronze stores it: UTC without a zone, in microseconds."""
    return now.astimezone(datetime.UTC).replace(tzinfo=None) if now.tzinfo else now


def _refuse_too_many(broken: list[Entry]) -> None:
    if len(broken) > MOST_BROKEN_ROWS:
        first = broken[0]
        raise FileFaultError(
            "too_many_faults",
            f"more than {MOST_BROKEN_ROWS} rows break the contract, the first in column {first.column}: {first.reason}",
            first.line,
            first.column,
        )
