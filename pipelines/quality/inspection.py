"""Decides whether a table may be built upon: checks it once for each state and remembers what was found.

A table that has not changed is not checked again, yet its outcome still counts: a broken table blocks every
run until it is repaired, not only the run that loaded it. What is new goes into the trend
(`gold/quality_metric`) and the Data Docs, also when the run stops halfway.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError

from installation.contract.document import Contract, Contracts
from installation.reference_date import NO_EVENTS_DAY
from installation.settings import Settings
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from pipelines.quality import docs, metric
from pipelines.quality.check import Check
from pipelines.quality.result import TableQuality
from pipelines.quality.suite import Circumstance, derive_checks, parents_of


class Outcome(BaseModel):
    """What checking one state of a table found. Kept as a JSON file a table; holds no personal data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: str
    """Digest of the checks (with the day that freshness counts to) and of the versions of what they read."""
    load_id: str
    measured_at: datetime
    quality: TableQuality
    is_in_trend: bool = False
    is_in_docs: bool = False


@dataclass(frozen=True)
class Inspection:
    """The outcome of a table's checks, and whether they ran now or earlier, for the same state."""

    quality: TableQuality
    is_new: bool


@dataclass(frozen=True)
class _Begun:
    """An inspection on its way, and the day that it counts freshness to."""

    as_of: date
    inspection: Future[Inspection]


@dataclass(frozen=True)
class Gate:
    """Checks tables in one run. `folder` keeps the outcomes, `site` is where the Data Docs go."""

    lakehouse: SparkLakehouse
    contracts: Contracts
    folder: Path
    site: Path
    load_id: str
    measured_at: datetime

    def begin(self, contract: Contract, as_of: date) -> None:
        """Start to inspect a table beside the building of the next; `inspect` waits for what came of it."""
        self._begun[contract.table] = _Begun(as_of, self._worker.submit(self._inspect, contract, as_of))

    def begin_source(self, contract: Contract, as_of: date) -> None:
        """Start to inspect a source beside the loading of the rest, once those that its rules look into are loaded too.

        The day is a guess until all sources are loaded; `inspect` inspects again where it was wrong and matters.
        """
        self._loaded.add(contract.table)
        self._waiting[contract.table] = contract
        for table in [name for name, waiting in self._waiting.items() if _parents(waiting) <= self._loaded]:
            self.begin(self._waiting.pop(table), as_of)

    def inspect(self, contract: Contract, as_of: date) -> Inspection:
        """Check a table against its contract, unless this state of it was checked before.

        Raises:
            QualityRuleError: a rule of the contract cannot be run at all.

        """
        begun = self._begun.pop(contract.table, None)
        if begun is None or not _asks_the_same(contract, begun.as_of, as_of):
            begun = _Begun(as_of, self._worker.submit(self._inspect, contract, as_of))
        found = begun.inspection.result()
        if found.is_new:
            told = (self.site, found.quality, self.load_id, self.measured_at)
            self._pages[contract.table] = self._worker.submit(docs.write_pages, *told)
        return found

    def close(self) -> None:
        """Finish what was begun and was not asked for, and what a halted run left out of trend and docs."""
        self._worker.shutdown()
        self.extend_trend()
        self.build_docs()

    def _inspect(self, contract: Contract, as_of: date) -> Inspection:
        end_of_day = _end_of(as_of)
        checks = derive_checks(contract, Circumstance(end_of_day))
        parents = parents_of(checks)
        state = self._state(contract.table, checks)
        known = self._recall(contract)
        if known is not None and known.state == state:
            return Inspection(known.quality, is_new=False)
        from pipelines.quality.validate import validate_table

        circumstance = Circumstance(end_of_day, self._row_history.get(contract.table, ()))
        frames = {name: self.lakehouse.read(name) for name in sorted(parents) if self.lakehouse.exists(name)}
        quality = validate_table(self.lakehouse.read(contract.table), contract, circumstance, frames)
        self._remember(Outcome(state=state, load_id=self.load_id, measured_at=self.measured_at, quality=quality))
        return Inspection(quality, is_new=True)

    def extend_trend(self) -> int:
        """Append the figures of outcomes that `gold/quality_metric` lacks; return their number of rows.

        A run that is killed between the commit and its note appends them twice, under the same load id.
        """
        missing = [outcome for outcome in read_outcomes(self.folder) if not outcome.is_in_trend]
        if not missing:
            return 0
        tables = [metric.metric_table([one.quality], one.load_id, one.measured_at) for one in missing]
        rows = pa.concat_tables(tables)
        self.lakehouse.append_rows(metric.TABLE, rows)
        for outcome in missing:
            self._remember(outcome.model_copy(update={"is_in_trend": True}))
        return int(rows.num_rows)

    def build_docs(self) -> bool:
        """Bring the Data Docs up to date with the outcomes that they lack; say whether there were any."""
        missing = [outcome for outcome in read_outcomes(self.folder) if not outcome.is_in_docs]
        if not missing:
            return False
        written = {table for table, pages in self._pages.items() if pages.result() is None}
        unwritten = [one.quality for one in missing if one.quality.table not in written]
        docs.build_site(self.site, unwritten, self.load_id, self.measured_at)
        for outcome in missing:
            self._remember(outcome.model_copy(update={"is_in_docs": True}))
        return True

    @cached_property
    def _worker(self) -> ThreadPoolExecutor:
        # One thread: Great Expectations' registries are not made for more.
        return ThreadPoolExecutor(1, thread_name_prefix="checks")

    @cached_property
    def _begun(self) -> dict[str, _Begun]:
        return {}

    @cached_property
    def _pages(self) -> dict[str, Future[None]]:
        """The pages of the Data Docs that are written beside what follows."""
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

    def _state(self, table: str, checks: Sequence[Check]) -> str:
        versions = {name: self.lakehouse.version(name) for name in sorted({table, *parents_of(checks)})}
        told = json.dumps([[type(check).__name__, asdict(check)] for check in checks], default=_plain)
        return hashlib.sha256(f"{versions}{told}".encode()).hexdigest()

    def _recall(self, contract: Contract) -> Outcome | None:
        path = self._path(contract.table)
        return _read(path) if path.exists() else None

    def _remember(self, outcome: Outcome) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(outcome.quality.table)
        draft = path.with_suffix(".new")
        draft.write_text(outcome.model_dump_json(), encoding="utf-8")
        draft.replace(path)

    def _path(self, table: str) -> Path:
        return self.folder / f"{table.replace('/', '.')}.json"


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time.max)


def _parents(contract: Contract) -> frozenset[str]:
    """The tables that the contract's rules look into; which they are depends on no day."""
    return parents_of(derive_checks(contract, Circumstance(_end_of(NO_EVENTS_DAY)))) - {contract.table}


def _asks_the_same(contract: Contract, day: date, other: date) -> bool:
    """Whether the contract asks the same of its table on both days: only freshness counts to the day."""
    first, second = (derive_checks(contract, Circumstance(_end_of(one))) for one in (day, other))
    return day == other or first == second


def _plain(value: object) -> object:
    """Write what JSON has no word for, in the same way in every process."""
    return sorted(value) if isinstance(value, frozenset) else str(value)


def outcome_folder(settings: Settings) -> Path:
    """Return the folder where outcomes are kept."""
    return settings.data_dir / "quality" / "outcome"


def read_outcomes(folder: Path) -> Iterator[Outcome]:
    """Yield the newest outcome of every table that was checked."""
    for path in sorted(folder.glob("*.json")):
        outcome = _read(path)
        if outcome is not None:
            yield outcome


def _read(path: Path) -> Outcome | None:
    """Read an outcome; None when an older Bojagi wrote it, so that the table is checked again."""
    try:
        return Outcome.model_validate_json(path.read_bytes())
    except ValidationError:
        return None
