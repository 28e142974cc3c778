"""Fixtures for everyone: the engines and a lakehouse.

`BOJAGI_REQUIRE=spark,browser,slow` says what must not be skipped: what it names and the machine lacks is
then a failure.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.engine.session import Engine
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from tests.engines import REQUIRED, Engines

SPARK = pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.xdist_group("spark")])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests out unless they are asked for."""
    if "slow" in REQUIRED or "slow" in config.option.markexpr:
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow; run with BOJAGI_REQUIRE=slow or -m slow"))


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Both engines, opened when first asked for: for tests that compare them."""
    opened = Engines(tmp_path_factory.mktemp("engines"))
    with opened.stack:
        yield opened


@pytest.fixture(params=["sail", SPARK])
def engine(request: pytest.FixtureRequest, engines: Engines) -> Engine:
    """Each engine in turn."""
    return engines.open(request.param)


@pytest.fixture
def sail(engines: Engines) -> Engine:
    """The default engine, for tests that are not about engines."""
    return engines.open("sail")


@pytest.fixture
def lakehouse(engine: Engine, tmp_path: Path) -> SparkLakehouse:
    """An empty lakehouse, on each engine in turn."""
    return SparkLakehouse(str(tmp_path / "lakehouse"), engine.spark)
