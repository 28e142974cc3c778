"""Dagster's home folder, which lies below the data folder."""

from pathlib import Path

from installation.errors import SettingsError
from installation.settings import Settings
from privacy.storage.atomic_file import replace_public

INSTANCE_FILE = Path(__file__).parents[2] / "dagster.yaml"


def prepare_home(settings: Settings) -> Path:
    """Copy dagster.yaml into Dagster's home folder and return that folder.

    Raises:
        SettingsError: the source folder of Bojagi has no dagster.yaml.

    """
    if not INSTANCE_FILE.exists():
        raise SettingsError(f"{INSTANCE_FILE} is missing. Install Bojagi from its source folder with `make install`.")
    home = settings.dagster_dir
    home.mkdir(parents=True, exist_ok=True)
    content = INSTANCE_FILE.read_bytes()
    copy = home / INSTANCE_FILE.name
    if not copy.exists() or copy.read_bytes() != content:
        replace_public(copy, content)
    return home
