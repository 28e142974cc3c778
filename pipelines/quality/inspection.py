"""Checks each state of a table once and records the result, which decides whether derived tables may be built.

A table that has not changed is not checked again, but its recorded result still counts: a table with a failed check
blocks every run until it is corrected, not only the run that loaded it. New results are added to the trend
(`gold/quality_metric`) and to Data Docs, also when the run stops early.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError
from pyspark.sql import DataFrame

from installation.contract.document import Contract, Contracts
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from pipelines.quality import data_docs, metric
from pipelines.quality.check import Check
from pipelines.quality.contract_check import RunContext, derive_checks, parents_of
from pipelines.quality.result import TableQuality
from privacy.storage.document_store import DocumentStore

_SUFFIX = ".json"


class InspectionRecord(BaseModel):
    """The recorded result of checking one state of a table; one JSON file per table, without personal data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: str
    """Digest of the checks, with the reference date of freshness, and of the versions of the tables that they read."""
    load_id: str
    measured_at: datetime
    quality: TableQuality
    is_in_trend: bool = False
    is_in_docs: bool = False


@dataclass(frozen=True)
class Inspection:
    """The result of a table's checks. `is_new` is false if it was recorded earlier for the same state."""

    quality: TableQuality
    is_new: bool


@dataclass(frozen=True)
class TableInspector:
    """Checks the tables of one run in the background.

    `records` keeps the inspection records, `site` is the folder of Data Docs, `as_of` the run's reference date. Call
    `close` at the end of the run.
    """

    lakehouse: SparkLakehouse
    contracts: Contracts
    records: DocumentStore
    site: Path
    load_id: str
    measured_at: datetime
    as_of: date
    stand_in: Callable[[str], DataFrame | None] = lambda _: None
    """Returns the empty table that rules read instead of a table without input; None for a table that must exist."""

    def begin(self, contract: Contract) -> None:
        """Start to check a table in the background, while the next table is built; `inspect` waits for the result."""
        # Dagster's record of events and Great Expectations both need it. Two threads that import it at once may see it
        # half initialised.
        import sqlalchemy.orm  # noqa: F401

        self._running[contract.table] = self._worker.submit(self._inspect, contract)

    def begin_source(self, contract: Contract) -> None:
        """Start to check a loaded source in the background, after the other sources that its rules read are loaded."""
        self._waiting[contract.table] = contract
        self.note_loaded(contract.table)

    def note_loaded(self, loaded: str) -> None:
        """Start to check the sources whose rules have waited for this one; also for a source that has not landed."""
        self._loaded.add(loaded)
        for table in [name for name, waiting in self._waiting.items() if self._parents(waiting) <= self._loaded]:
            self.begin(self._waiting.pop(table))

    def inspect(self, contract: Contract) -> Inspection:
        """Return the result of checking a table against its contract; a recorded result of the same state is reused.

        Waits for a check that `begin` or `begin_source` has started.

        Raises:
            QualityRuleError: a rule of the contract cannot be run on any data.

        """
        running = self._running.pop(contract.table, None)
        found = (running or self._worker.submit(self._inspect, contract)).result()
        if found.is_new:
            arguments = (self.site, found.quality, self.load_id, self.measured_at)
            self._pages[contract.table] = self._worker.submit(data_docs.write_pages, *arguments)
        return found

    def close(self) -> None:
        """Wait for running checks, then add the results that are missing in the trend and in Data Docs."""
        self._worker.shutdown()
        self.extend_trend()
        self.build_docs()

    def _inspect(self, contract: Contract) -> Inspection:
        checks = derive_checks(contract, RunContext(self._end_of_day))
        parents = parents_of(checks)
        state = self._state(contract.table, checks)
        known = self._recorded(contract)
        if known is not None and known.state == state:
            return Inspection(known.quality, is_new=False)
        from pipelines.engine.connect_session import retry_lost
        from pipelines.quality.validation import validate_table

        context = RunContext(self._end_of_day, self._row_history.get(contract.table, ()))

        def validate() -> TableQuality:
            self.lakehouse.prepare_for({contract.table, *parents})
            frames = {name: frame for name in sorted(parents) if (frame := self._frame(name)) is not None}
            return validate_table(self.lakehouse.read(contract.table), contract, context, frames)

        # Great Expectations turns an engine's error into a check that could not run, also that of a lost session.
        quality = retry_lost(self.lakehouse.spark, validate)
        self._write(InspectionRecord(state=state, load_id=self.load_id, measured_at=self.measured_at, quality=quality))
        return Inspection(quality, is_new=True)

    def _frame(self, name: str) -> DataFrame | None:
        """Return a table that rules read: empty if it has no input, None if it is missing."""
        return self.lakehouse.read(name) if self.lakehouse.exists(name) else self.stand_in(name)

    def extend_trend(self) -> int:
        """Append the results that are missing in `gold/quality_metric`; return the number of appended rows.

        If the process is killed right after the commit, the next run appends them again under the same load id.
        """
        missing = [record for record in read_records(self.records) if not record.is_in_trend]
        if not missing:
            return 0
        tables = [metric.metric_table([one.quality], one.load_id, one.measured_at) for one in missing]
        rows = pa.concat_tables(tables)
        self.lakehouse.append_rows(metric.TABLE, rows)
        for record in missing:
            self._write(record.model_copy(update={"is_in_trend": True}))
        return int(rows.num_rows)

    def build_docs(self) -> bool:
        """Add the results that are missing in Data Docs; return whether there were any."""
        missing = [record for record in read_records(self.records) if not record.is_in_docs]
        if not missing:
            return False
        written = {table for table, pages in self._pages.items() if pages.result() is None}
        unwritten = [one.quality for one in missing if one.quality.table not in written]
        data_docs.build_site(self.site, unwritten, self.load_id, self.measured_at)
        for record in missing:
            self._write(record.model_copy(update={"is_in_docs": True}))
        return True

    @cached_property
    def _worker(self) -> ThreadPoolExecutor:
        # One thread, because the registries of Great Expectations are not thread-safe.
        return ThreadPoolExecutor(1, thread_name_prefix="checks")

    @cached_property
    def _running(self) -> dict[str, Future[Inspection]]:
        return {}

    @cached_property
    def _pages(self) -> dict[str, Future[None]]:
        """The Data Docs pages that are being written in the background, by table."""
        return {}

    @cached_property
    def _loaded(self) -> set[str]:
        return set()

    @cached_property
    def _waiting(self) -> dict[str, Contract]:
        return {}

    @cached_property
    def _row_history(self) -> Mapping[str, tuple[int, ...]]:
        is_there = self.lakehouse.exists(metric.TABLE)
        return metric.row_history(self.lakehouse.read(metric.TABLE) if is_there else None)

    @property
    def _end_of_day(self) -> datetime:
        return datetime.combine(self.as_of, time.max)

    def _parents(self, contract: Contract) -> frozenset[str]:
        """Return the other tables that the contract's rules read."""
        return parents_of(derive_checks(contract, RunContext(self._end_of_day))) - {contract.table}

    def _state(self, table: str, checks: Sequence[Check]) -> str:
        versions = {name: self.lakehouse.version(name) for name in sorted({table, *parents_of(checks)})}
        described = json.dumps([[type(check).__name__, asdict(check)] for check in checks], default=_json_value)
        return hashlib.sha256(f"{versions}{described}".encode()).hexdigest()

    def _recorded(self, contract: Contract) -> InspectionRecord | None:
        content = self.records.read(_name(contract.table))
        return None if content is None else _read(content)

    def _write(self, record: InspectionRecord) -> None:
        self.records.write(_name(record.quality.table), record.model_dump_json().encode())


def _json_value(value: object) -> object:
    """Return a JSON value for a Python value without a JSON type; it is the same in every process."""
    return sorted(value) if isinstance(value, frozenset) else str(value)


def _name(table: str) -> str:
    return f"{table.replace('/', '.')}{_SUFFIX}"


def read_records(records: DocumentStore) -> Iterator[InspectionRecord]:
    """Yield the newest inspection record of each table that was checked."""
    for name in records.names():
        content = records.read(name) if name.endswith(_SUFFIX) else None
        record = None if content is None else _read(content)
        if record is not None:
            yield record


def _read(content: bytes) -> InspectionRecord | None:
    """Return the record in a document; None for one of another version of Bojagi: the table is checked again."""
    try:
        return InspectionRecord.model_validate_json(content)
    except ValidationError:
        return None
