"""The small market of the tests of erasure, with places for backups beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from installation.backup_settings import BackupSettings
from installation.installation import Installation
from installation.settings import Settings
from tests.pipelines.erasure.small_market import NOW, make_market, open_market


class Clock:
    """A clock that moves by hand, and by a second at each look."""

    def __init__(self) -> None:
        self.now = NOW.astimezone()

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def with_backup(settings: Settings, folder: Path, **changes: object) -> Settings:
    backup = BackupSettings(
        place=str(folder / "place"), secrets_place=str(folder / "vault"), key_file=folder / "key" / "backup.key"
    )
    return settings.model_copy(update={"backup": backup, **changes})


def reopened(installation: Installation) -> Installation:
    """The same installation in another process."""
    return Installation(installation.settings, installation.clock)


def lose(installation: Installation) -> None:
    """Delete everything but the backups."""
    installation.close()
    for folder in (installation.settings.data_dir, installation.settings.secret_dir):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def loaded_market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("market")
    with make_market(folder):
        return folder


@pytest.fixture
def market(loaded_market: Path, tmp_path: Path) -> Iterator[Installation]:
    shutil.copytree(loaded_market, tmp_path / "market")
    settings = with_backup(open_market(tmp_path / "market").settings, tmp_path)
    with Installation(settings, clock=Clock()) as installation:
        yield installation
