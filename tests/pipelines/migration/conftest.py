from pathlib import Path

import pytest

from tests.pipelines.ingest.shop import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """An empty shop."""
    return Shop(tmp_path)
