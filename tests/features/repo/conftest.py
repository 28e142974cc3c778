"""A shop with two feature views, see `tests.features.retrieval.feature_shop`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.features.retrieval.feature_shop import FeatureShop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[FeatureShop]:
    opened = FeatureShop(tmp_path / "data")
    yield opened
    opened.close()
