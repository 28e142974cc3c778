"""Executes the job `refresh` in this process, against Dagster's persistent instance."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from os import environ
from typing import Any
from uuid import uuid4

import dagster as dg

from installation.contract.document import Contracts
from installation.settings import Settings
from pipelines.arrival import landed_files, signature
from pipelines.dagster_home import prepare_home
from pipelines.defs.automation import LANDING_TAG
from pipelines.defs.metadata import asset_key
from pipelines.defs.summary import RunProgress


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open Dagster's record of runs below the data folder, the one that `bojagi ui` shows."""
    home = prepare_home(settings)
    environ["DAGSTER_HOME"] = str(home)  # dagster.yaml places the storage by it
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def refresh(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    progress: RunProgress,
    tags: Mapping[str, str] | None = None,
    tables: Iterable[str] | None = None,
) -> str:
    """Run the job, or the part of it that makes these tables, and return the run's id.

    What happened stands in `progress`; a table that fails raises nothing here.
    """
    run_id = str(uuid4())
    instance.add_event_listener(run_id, progress.observe)
    definitions.resolve_job_def("refresh").execute_in_process(
        instance=instance,
        raise_on_error=False,
        asset_selection=None if tables is None else [asset_key(table) for table in tables],
        run_id=run_id,
        tags=dict(tags or {}),
        # The console shows our own lines; Dagster's stand in its UI.
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    return run_id


def landing_tags(settings: Settings, contracts: Contracts) -> dict[str, str]:
    """Return the tag that tells the sensor which state of the landing folder the run has seen."""
    files = landed_files(settings.landing_dir, contracts.sources)
    return {LANDING_TAG: signature(files, settings.landing_dir)}


def newest_run(instance: dg.DagsterInstance) -> dict[str, Any] | None:
    """Return id, state, start and length of the newest refresh; None when there was none."""
    records = instance.get_run_records(dg.RunsFilter(job_name="refresh"), limit=1)
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
