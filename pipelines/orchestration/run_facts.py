"""Reads from Dagster's record of runs what an operator follows: the newest run of each job, and the tables' writes."""

from __future__ import annotations

import dagster as dg

# Private: Dagster has no public way to list the jobs that have runs.
from dagster._core.events import DagsterEventType
from dagster._core.storage.runs.schema import RunsTable
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from sqlalchemy import func, select

from installation.contract.document import Contracts
from installation.settings import Settings
from pipelines.ingest.lock import is_locked
from pipelines.operation.state import RunFacts, RunState, Written
from pipelines.orchestration import metadata
from pipelines.orchestration.instance import JOB, newest_run, open_instance
from pipelines.orchestration.run_log import error_kind

_SUCCESS = dg.DagsterRunStatus.SUCCESS


def read_run_facts(settings: Settings, contracts: Contracts) -> RunFacts:
    """Return what Dagster has recorded; nothing before its first run, without creating its storage."""
    if settings.database is None and not (settings.dagster_dir / "dagster.yaml").exists():
        return RunFacts()
    with open_instance(settings) as instance:
        return run_facts(instance, contracts, is_locked=is_locked(settings.data_dir))


def run_facts(instance: dg.DagsterInstance, contracts: Contracts, *, is_locked: bool) -> RunFacts:
    """Return the newest run of each job that has one, and the newest write of each table; `is_locked` as elsewhere."""
    runs = []
    for job, counts in sorted(_counts(instance).items()):
        newest, succeeded = _newest(instance, job), _newest(instance, job, [_SUCCESS])
        if newest is not None:
            runs.append(_state(instance, newest, succeeded.end_time if succeeded else None, counts, is_locked))
    keys = [metadata.asset_key(contract.table) for contract in contracts.values()]
    written = {
        metadata.table_name(record.asset_entry.asset_key): _written(record.asset_entry.last_materialization)
        for record in instance.get_asset_records(keys)
        if record.asset_entry.last_materialization is not None
    }
    return RunFacts(tuple(runs), written)


def _newest(
    instance: dg.DagsterInstance, job: str, statuses: list[dg.DagsterRunStatus] | None = None
) -> dg.RunRecord | None:
    records = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=statuses), limit=1)
    return records[0] if records else None


def _state(
    instance: dg.DagsterInstance,
    record: dg.RunRecord,
    succeeded_at: float | None,
    counts: dict[str, int],
    is_locked: bool,
) -> RunState:
    run = record.dagster_run
    begun = record.start_time or record.create_timestamp.timestamp()
    state = run.status.value.lower()
    # A run of the refresh holds the lock of the data folder, so one without it was killed. Dagster's daemon watches
    # the others.
    if run.job_name == JOB and (newest := newest_run(instance, is_locked=is_locked)):
        state = newest["state"]
    failures = [] if run.status is _SUCCESS else instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_FAILURE)
    return RunState(
        run.job_name, run.run_id, "waiting" if state in ("queued", "not_started") else state, begun,
        round(record.end_time - begun, 1) if record.end_time else None,
        tuple(error_kind(entry.dagster_event) for entry in failures if entry.dagster_event), succeeded_at, counts,
    )  # fmt: skip


def _counts(instance: dg.DagsterInstance) -> dict[str, dict[str, int]]:
    """Return the number of runs by job and Dagster's state."""
    storage = instance.run_storage
    assert isinstance(storage, SqlRunStorage)
    job, status = RunsTable.c.pipeline_name, RunsTable.c.status
    found: dict[str, dict[str, int]] = {}
    with storage.connect() as connection:
        for name, state, count in connection.execute(select(job, status, func.count()).group_by(job, status)):
            found.setdefault(name, {})[str(state).lower()] = int(count)
    return found


def _written(entry: object) -> Written:
    from dagster._core.events.log import EventLogEntry

    assert isinstance(entry, EventLogEntry)
    found = entry.asset_materialization
    seconds = found.metadata.get(metadata.SECONDS) if found else None
    value = None if seconds is None else seconds.value
    return Written(entry.timestamp, float(value) if isinstance(value, int | float) else None)
