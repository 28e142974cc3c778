"""Reads the state of an installation for metrics and alerts: tables, checks, quarantine, budgets, requests, disk.

Each part is read by itself. A part that cannot be read is named in `unobserved`, and the others are kept: an operator
must see both. Missing stores are not created.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from installation.event_log import log_error

if TYPE_CHECKING:
    from installation.installation import Installation
    from pipelines.collection.backlog import Backlog
    from pipelines.quality.table_status import TableStatus

Found = TypeVar("Found")


@dataclass(frozen=True)
class RunState:
    """The newest run of a job. Times are in seconds since 1970; `errors` are class names, the first failed step first.

    `state` is success, failure, canceled, killed, stopped, running or waiting. `last_success_at` is the end of the
    newest successful run, None without one. `counts` has the number of recorded runs of each of Dagster's states.
    """

    job: str
    run_id: str
    state: str
    started_at: float
    seconds: float | None
    errors: tuple[str, ...] = ()
    last_success_at: float | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_failed(self) -> bool:
        """Whether the run ended without success. A run that someone has cancelled has not failed."""
        return self.state in ("failure", "killed", "stopped")


@dataclass(frozen=True)
class Written:
    """When a table was last written, in seconds since 1970, and how long its step took."""

    at: float
    seconds: float | None


@dataclass(frozen=True)
class RunFacts:
    """What Dagster has recorded: the newest run of each job, and the newest write of each table."""

    runs: tuple[RunState, ...] = ()
    written: Mapping[str, Written] = field(default_factory=dict)


@dataclass(frozen=True)
class BudgetLeft:
    """One limit of a privacy budget: what is left of it in its current period."""

    account: str
    period: str
    rho_left: float
    rho_limit: float
    delta_left: float


@dataclass(frozen=True)
class OperationState:
    """The state of an installation at one moment. A part that is in `unobserved` is empty here.

    `freshness_hours` has the service level of each source that has one. `quarantined` and `refused_files` are by
    source, `unread_days` has the age of each unread statement of consent, `requests` the number of open requests of
    data subjects by urgency, `backlogs` what waits for each source whose rows arrive one by one.
    `rolled_back` and `held_rollouts` have the reason by rollout.
    """

    at: datetime
    facts: RunFacts
    freshness_hours: Mapping[str, float]
    tables: tuple[TableStatus, ...]
    quarantined: Mapping[str, int]
    refused_files: Mapping[str, int]
    budgets: tuple[BudgetLeft, ...]
    unread_days: tuple[int, ...]
    requests: Mapping[str, int]
    disk_free_bytes: int
    disk_bytes: int
    unobserved: tuple[str, ...]
    backlogs: tuple[Backlog, ...] = ()
    rolled_back: Mapping[str, str] = field(default_factory=dict)
    held_rollouts: Mapping[str, str] = field(default_factory=dict)


def read_state(installation: Installation, read_runs: Callable[[], RunFacts]) -> OperationState:
    """Return the state of an installation. Opens no engine."""
    unobserved: list[str] = []

    def part(name: str, read: Callable[[], Found], otherwise: Found) -> Found:
        try:
            return read()
        except Exception as error:  # noqa: BLE001 - recorded: the state says that this part was not observed
            log_error(error, source="bojagi.operation")
            unobserved.append(name)
            return otherwise

    from pipelines.quality.table_status import read_table_status

    def tables() -> tuple[TableStatus, ...]:
        return tuple(read_table_status(installation.lakehouse, installation.contracts, installation.inspection_records))

    nothing: tuple[dict[str, int], dict[str, int]] = ({}, {})
    rows, files = part("quarantine", lambda: _quarantine(installation), nothing)
    facts = part("runs", read_runs, RunFacts())
    unloaded: dict[str, Written] = {}
    loaded = part("collection", lambda: _loaded(installation), unloaded)
    nowhere: tuple[dict[str, str], dict[str, str]] = ({}, {})
    rolled_back, held = part("rollouts", lambda: _rollouts(installation), nowhere)
    disk = part("disk", lambda: shutil.disk_usage(installation.settings.data_dir), None)
    return OperationState(
        at=installation.clock(),
        facts=replace(facts, written=_newest(facts.written, loaded)),
        freshness_hours=part("contracts", lambda: _freshness(installation), {}),
        tables=part("tables", tables, ()),
        quarantined=rows,
        refused_files=files,
        budgets=part("budgets", lambda: _budgets(installation), ()),
        unread_days=part("consents", lambda: _unread(installation), ()),
        requests=part("requests", lambda: _requests(installation), {}),
        disk_free_bytes=disk.free if disk else 0,
        disk_bytes=disk.total if disk else 0,
        backlogs=part("collection", lambda: _backlogs(installation), ()),
        rolled_back=rolled_back,
        held_rollouts=held,
        unobserved=tuple(dict.fromkeys(unobserved)),
    )


def _rollouts(installation: Installation) -> tuple[dict[str, str], dict[str, str]]:
    """Return why rollouts were rolled back, and why others are held, by name."""
    from features.rollout.judgement import Action
    from features.rollout.service import Rollouts
    from features.rollout.store import State

    found = Rollouts(installation).state()
    held = {
        step.rollout.name: judgement.reason
        for step, judgement in found
        if judgement is not None and judgement.action is Action.HOLD
    }
    return {step.rollout.name: step.reason for step, _ in found if step.state is State.ROLLED_BACK}, held


def _backlogs(installation: Installation) -> tuple[Backlog, ...]:
    from pipelines.collection.backlog import read_backlog, streamed_sources

    return tuple(read_backlog(installation, contract) for contract in streamed_sources(installation))


def _loaded(installation: Installation) -> dict[str, Written]:
    """Return the newest load of each table whose rows arrive one by one. Dagster knows only those of its runs."""
    from pipelines.collection.backlog import streamed_sources
    from pipelines.ingest.bronze import BronzeTable

    tables = [BronzeTable(contract, installation.lakehouse) for contract in streamed_sources(installation)]
    times = {one.contract.table: one.newest_load_at() for one in tables}
    return {table: Written(at.timestamp(), None) for table, at in times.items() if at is not None}


def _newest(recorded: Mapping[str, Written], loaded: Mapping[str, Written]) -> dict[str, Written]:
    newer = {table: one for table, one in loaded.items() if table not in recorded or one.at > recorded[table].at}
    return {**recorded, **newer}


def _freshness(installation: Installation) -> dict[str, float]:
    sources = installation.contracts.sources
    return {one.table: one.freshness_hours for one in sources if one.freshness_hours is not None}


def _quarantine(installation: Installation) -> tuple[dict[str, int], dict[str, int]]:
    from installation.quality.quarantine_content import quarantined_groups, quarantined_items

    rows: dict[str, int] = {}
    files: dict[str, int] = {}
    for group in quarantined_groups(quarantined_items(installation.lakehouse)):
        rows[group.source] = rows.get(group.source, 0) + group.rows
        if group.is_refused_file:
            files[group.source] = files.get(group.source, 0) + 1
    return rows, files


def _budgets(installation: Installation) -> tuple[BudgetLeft, ...]:
    from privacy.clock import utc_now

    if not installation.has_ledger:
        return ()
    now = utc_now()
    with closing(installation.open_ledger()) as ledger:
        return tuple(
            # Without the month or day of the period: a series of its own for each would never end.
            BudgetLeft(
                str(account), each.period.split()[0], each.left.rho, each.limit.rho, each.left.delta,
            )
            for account in ledger.accounts() for each in ledger.balances(account, now)
        )  # fmt: skip


def _unread(installation: Installation) -> tuple[int, ...]:
    from privacy.consent.unread import unread_items

    if not installation.has_consent_record:
        return ()
    return tuple(item.days for item in unread_items(installation.consent_service()))


def _requests(installation: Installation) -> dict[str, int]:
    from privacy.rights.deadline import Urgency

    counts = {urgency.value: 0 for urgency in Urgency}
    if not installation.has_requests:
        return counts
    service = installation.rights_service()
    for request in service.requests():
        if request.state.is_open:
            counts[service.deadline(request).urgency.value] += 1
    return counts
