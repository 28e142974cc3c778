"""A filled shop, and its application in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.agent_serving.serving_shop import fill, served
from tests.features.retrieval.feature_shop import FeatureShop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[FeatureShop]:
    one = FeatureShop(tmp_path)
    fill(one)
    yield one
    one.close()


@pytest.fixture
def client(shop: FeatureShop) -> Iterator[httpx.Client]:
    """A client of the running application, with a key for the shop's purpose."""
    with served(shop) as found:
        yield found


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The same for tests that change nothing, which share one application."""
    one = FeatureShop(tmp_path_factory.mktemp("steady"))
    fill(one)
    with served(one) as found:
        yield found
    one.close()
