"""Dagster's instance below the data folder: the record of runs that the command line writes and `bojagi ui` shows."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from os import environ
from typing import Any

import dagster as dg

from installation.settings import Settings
from pipelines.orchestration.home import prepare_home
from pipelines.orchestration.run_story import (
    failure_sentence,
    has_begun,
    killed_sentence,
    last_sign_of_life,
    stopped_sentence,
)

JOB = "refresh"
"""Name of the job that refreshes every table."""
SELECTION_TAG = "bojagi/selection"
"""Tag of a run of only some tables: the selection that the user stated."""
_UNFINISHED = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
_LAUNCHED_TAG = ".dagster/grpc_info"
_STARTING_SECONDS = 120.0
_WAITING = [dg.DagsterRunStatus.NOT_STARTED]


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open Dagster's instance of the data folder; close it at the end."""
    home = prepare_home(settings)
    environ["DAGSTER_HOME"] = str(home)  # dagster.yaml names the folder of the storage by this variable
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def newest_run(instance: dg.DagsterInstance, *, is_locked: bool) -> dict[str, Any] | None:
    """Return id, state, start, length and explanation of the newest refresh; None when there was none.

    Args:
        instance: Dagster's record of runs.
        is_locked: whether a process holds the lock of the data folder. An unfinished run without one was killed.
    """
    records = instance.get_run_records(dg.RunsFilter(job_name=JOB), limit=1)
    if not records:
        return None
    record = records[0]
    run_id, status = record.dagster_run.run_id, record.dagster_run.status
    begun = record.start_time or record.create_timestamp.timestamp()
    state, ended = status.value.lower(), record.end_time
    explanation = None
    if status in _UNFINISHED or status in _WAITING:
        is_alive = is_locked or _is_starting(instance, record)
        state = "running" if is_alive else "killed"
        explanation = None if is_alive else killed_sentence(instance, run_id)
        ended = ended or last_sign_of_life(instance, run_id)
    elif status is not dg.DagsterRunStatus.SUCCESS:
        stopped = stopped_sentence(instance, run_id)
        state, explanation = ("stopped", stopped) if stopped else (state, failure_sentence(instance, run_id))
    return {
        "run_id": run_id,
        "state": state,
        "started_at": datetime.fromtimestamp(begun).isoformat(" ", "seconds"),  # noqa: DTZ006
        "seconds": round(ended - begun, 1) if ended else None,
        "selection": record.dagster_run.tags.get(SELECTION_TAG),
        "explanation": explanation,
    }


def _is_starting(instance: dg.DagsterInstance, record: dg.RunRecord) -> bool:
    """Return whether Dagster's daemon or UI has just launched the run; it takes the lock when its imports are done."""
    run_id, tags = record.dagster_run.run_id, record.dagster_run.tags
    newest = last_sign_of_life(instance, run_id) or record.create_timestamp.timestamp()
    return _LAUNCHED_TAG in tags and not has_begun(instance, run_id) and time.time() - newest < _STARTING_SECONDS


def fail_orphaned_runs(instance: dg.DagsterInstance, living_run_id: str) -> None:
    """Mark every unfinished run as failed, except the living one. The caller must hold the lock of the data folder."""
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        if run.run_id != living_run_id:
            instance.report_run_failed(run, killed_sentence(instance, run.run_id))
