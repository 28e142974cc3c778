from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from privacy.protection.key_store import WrappedKeyStore
from tests.privacy.protection.crm_name import open_store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Iterator[WrappedKeyStore]:
    opened = open_store(folder)
    yield opened
    opened.close()
