"""Executes the job `refresh` in this process, against Dagster's persistent instance."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import environ
from pathlib import Path
from shutil import copyfile
from uuid import uuid4

import dagster as dg

from pipelines.config import Settings
from pipelines.contracts.document import Contracts
from pipelines.defs.automation import LANDING_TAG
from pipelines.defs.summary import RunProgress
from pipelines.errors import SettingsError
from pipelines.landing import landed_files, signature

INSTANCE_FILE = Path(__file__).parents[2] / "dagster.yaml"


def prepare_home(settings: Settings) -> Path:
    """Put dagster.yaml into Dagster's folder below the data folder, and return that folder.

    Raises:
        SettingsError: there is no dagster.yaml beside the code.

    """
    if not INSTANCE_FILE.exists():
        raise SettingsError(f"{INSTANCE_FILE} is missing: run bojagi from its source folder.")
    home = settings.dagster_dir
    home.mkdir(parents=True, exist_ok=True)
    copyfile(INSTANCE_FILE, home / INSTANCE_FILE.name)
    return home


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
) -> str:
    """Run the job and return the run's id.

    What happened stands in `progress`; a table that fails raises nothing here.
    """
    run_id = str(uuid4())
    instance.add_event_listener(run_id, progress.observe)
    definitions.get_job_def("refresh").execute_in_process(
        instance=instance,
        raise_on_error=False,
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
