from functools import partial
from pathlib import Path

import pytest

from privacy.protection.source_person import Protection
from tests.pipelines.ingest.hand_written import Load, read_file
from tests.pipelines.ingest.shop import Shop
from tests.protection import open_protection_in


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """An empty shop."""
    return Shop(tmp_path)


@pytest.fixture(scope="session")
def protection(tmp_path_factory: pytest.TempPathFactory) -> Protection:
    """Secrets that tests share which store nothing under them."""
    return open_protection_in(tmp_path_factory.mktemp("secret"))


@pytest.fixture
def load(tmp_path: Path, protection: Protection) -> Load:
    """Read and check a file that the test writes: content, columns, form, name."""
    return partial(read_file, tmp_path, protection)
