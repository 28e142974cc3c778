"""Dagster's home below the data folder."""

from pathlib import Path
from shutil import copyfile

from installation.errors import SettingsError
from installation.settings import Settings

INSTANCE_FILE = Path(__file__).parents[1] / "dagster.yaml"


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
