"""Dagster's instance below the data folder: the record of runs that the command line writes and `bojagi ui` shows."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from os import environ
from typing import Any

import dagster as dg

from installation.settings import Settings
from pipelines.orchestration.home import prepare_home

JOB = "refresh"
"""Name of the job that refreshes every table."""
_UNFINISHED = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open Dagster's instance of the data folder; close it at the end."""
    home = prepare_home(settings)
    environ["DAGSTER_HOME"] = str(home)  # dagster.yaml names the folder of the storage by this variable
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def newest_run(instance: dg.DagsterInstance) -> dict[str, Any] | None:
    """Return id, state, start and length of the newest refresh; None when there was none."""
    records = instance.get_run_records(dg.RunsFilter(job_name=JOB), limit=1)
    if not records:
        return None
    record = records[0]
    begun, ended = record.start_time, record.end_time
    return {
        "run_id": record.dagster_run.run_id,
        "state": record.dagster_run.status.value.lower(),
        "started_at": datetime.fromtimestamp(begun).isoformat(" ", "seconds") if begun else None,  # noqa: DTZ006
        "seconds": round(ended - begun, 1) if begun and ended else None,
    }


def fail_orphaned_runs(instance: dg.DagsterInstance, living_run_id: str) -> None:
    """Mark every unfinished run as failed, except the living one. The caller must hold the lock of the data folder."""
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        if run.run_id != living_run_id:
            instance.report_run_failed(run, "Its process ended before the run did. Finished tables are kept.")
