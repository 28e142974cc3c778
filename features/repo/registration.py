"""Tells whether Feast's registry holds what the contracts declare now. Does not import Feast, which takes seconds."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from features.definition import FeatureCatalog
from installation.installation import Installation
from privacy.storage.atomic_file import replace_private

_FILE = "registered"


def repository_folder(installation: Installation) -> Path:
    """Return the private folder of the Feast repository: its registry and settings."""
    return installation.settings.data_dir / "feature_repo"


def is_registered(installation: Installation, catalog: FeatureCatalog) -> bool:
    """Return whether the catalog was registered as it is, by this version of Feast."""
    folder = repository_folder(installation)
    noted = folder / _FILE
    is_complete = (folder / "registry.db").exists() and noted.exists()
    return is_complete and noted.read_text("utf-8") == _state(installation, catalog)


def note_registered(installation: Installation, catalog: FeatureCatalog) -> None:
    """Note that the catalog was registered as it is."""
    replace_private(repository_folder(installation) / _FILE, _state(installation, catalog))


def _state(installation: Installation, catalog: FeatureCatalog) -> str:
    """Return what the registry depends on: it names the tables by their place, and sources differ by engine."""
    settings = installation.settings
    return f"{version('feast')} {settings.engine} {settings.lakehouse_root} {catalog.digest}\n"
