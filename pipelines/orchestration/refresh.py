"""Executes the refresh job in this process, recorded in Dagster's persistent instance like a run from the UI."""

from collections.abc import Iterable, Mapping
from uuid import uuid4

import dagster as dg

from pipelines.orchestration.code_location import job_origin
from pipelines.orchestration.instance import JOB
from pipelines.orchestration.metadata import asset_key
from pipelines.orchestration.run_progress import RunProgress

# The command line prints a line of its own for each table; Dagster's log lines are shown in Dagster's UI.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def refresh(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    progress: RunProgress,
    tags: Mapping[str, str] | None = None,
    tables: Iterable[str] | None = None,
) -> str:
    """Run the job, or only the part of it that makes these tables, and return the id of the run.

    `progress` receives the events. A table that fails raises nothing here; `progress` holds its error. A
    signal ends the run early, and raises nothing either.
    """
    # Private: the public `execute_in_process` records a run without the code location that the run belongs to, and
    # Dagster's UI then leaves it out of the timeline and of the job's page.
    from dagster._core.definitions.job_base import InMemoryJob
    from dagster._core.execution.api import execute_run

    run_id = str(uuid4())
    instance.add_event_listener(run_id, progress.observe)
    job = definitions.resolve_job_def(JOB)
    if tables is not None:
        job = job.get_subset(asset_selection=frozenset(asset_key(table) for table in tables))
    run = instance.create_run_for_job(
        job,
        run_id=run_id,
        run_config=_QUIET,
        tags={**job.run_tags, **(tags or {})},
        asset_selection=job.asset_selection,
        remote_job_origin=job_origin(JOB),
    )
    execute_run(InMemoryJob(job), run, instance, raise_on_error=False)
    return run_id
