"""A fresh copy of the small market for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from installation.installation import Installation
from tests.pipelines.erasure.small_market import make_market, open_market


@pytest.fixture(scope="session")
def loaded_market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("market")
    with make_market(folder):
        return folder


@pytest.fixture
def market(loaded_market: Path, tmp_path: Path) -> Iterator[Installation]:
    folder = tmp_path / "market"
    shutil.copytree(loaded_market, folder)
    with open_market(folder) as installation:
        yield installation
