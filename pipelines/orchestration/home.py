"""Dagster's home folder, which lies below the data folder."""

import os
from pathlib import Path
from typing import Any

from installation.errors import SettingsError
from installation.settings import Settings
from privacy.storage.atomic_file import replace_public

ADDRESS = "DAGSTER_DATABASE_URL"
"""Variable with the address of the storage in PostgreSQL, which dagster.yaml names."""
INSTANCE_FILE = Path(__file__).with_name("dagster.yaml")


def prepare_home(settings: Settings) -> Path:
    """Copy dagster.yaml into Dagster's home folder and return that folder.

    Raises:
        SettingsError: the setting `database` is set, and the packages that it needs are not installed.
    """
    home = settings.dagster_dir
    home.mkdir(parents=True, exist_ok=True)
    content = INSTANCE_FILE.read_bytes() if settings.database is None else _in_database(settings)
    copy = home / INSTANCE_FILE.name
    if not copy.exists() or copy.read_bytes() != content:
        replace_public(copy, content)
    return home


def _in_database(settings: Settings) -> bytes:
    """Return dagster.yaml with its storage in the database of the stores, whose address is put into the environment."""
    import yaml

    try:
        from pipelines.orchestration.shared_storage import storage_url
    except ImportError as error:
        raise SettingsError("database is set and dagster-postgres is not installed; install bojagi[fleet].") from error
    os.environ[ADDRESS] = storage_url(settings)
    instance: dict[str, Any] = yaml.safe_load(INSTANCE_FILE.read_bytes())
    instance["storage"] = {
        "custom": {
            "module": "pipelines.orchestration.shared_storage",
            "class": "SharedStorage",
            "config": {"postgres_url": {"env": ADDRESS}},
        }
    }
    return yaml.safe_dump(instance, sort_keys=False).encode()
