"""Where Dagster's UI finds the definitions, so that it lists the runs of the command line under its jobs as well."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster._core.remote_origin import RemoteJobOrigin

MODULE = "pipelines.definitions"
"""The module that `bojagi ui` gives to Dagster. It is also the name of the code location."""
SOURCE_FOLDER = Path(__file__).parents[2]
"""The folder of our packages: of the source, or of the environment in which a wheel was installed."""


def import_environment() -> dict[str, str]:
    """Return the variables with which a started Python process imports our packages, not folders that it works in.

    By default `python -m` looks into the working directory first, where a folder may be named `features` as well.
    """
    paths = [str(SOURCE_FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"}


def job_origin(job_name: str) -> "RemoteJobOrigin":
    """Return the origin of a job, as Dagster's programs record it with the runs that they start for `bojagi ui`.

    Dagster's UI looks for the runs of a job, and for the bars of its timeline, by this origin.
    """
    # Private: Dagster has no public way to state the origin of a run that is executed in this process. These are the
    # functions by which Dagster's own commands make it.
    from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
    from dagster._core.remote_origin import RemoteRepositoryOrigin
    from dagster._core.workspace.load_target import ModuleTarget

    target = ModuleTarget(MODULE, attribute=None, working_directory=str(SOURCE_FOLDER), location_name=None)
    (location,) = target.create_origins()
    return RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME).get_job_origin(job_name)
