"""Fixtures that all tests share: the engines and a lakehouse. Sets the Hypothesis profile.

`BOJAGI_REQUIRE=spark,browser,slow` lists what must not be skipped. A test fails if the machine lacks what it needs and
the variable names it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from pipelines.engine.session import Engine
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from tests.engines import REQUIRED, Engines

# No deadlines: on a busy machine an example takes longer than any limit that would find a slow function.
settings.register_profile("bojagi", deadline=None)
settings.load_profile("bojagi")

SPARK = pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.xdist_group("spark")])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip slow tests unless BOJAGI_REQUIRE or the -m option names them."""
    if "slow" in REQUIRED or "slow" in config.option.markexpr:
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow; run with BOJAGI_REQUIRE=slow or -m slow"))


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Both engines, for tests that compare them; each is opened at its first use."""
    opened = Engines(tmp_path_factory.mktemp("engines"))
    with opened.stack:
        yield opened


@pytest.fixture(params=["sail", SPARK])
def engine(request: pytest.FixtureRequest, engines: Engines) -> Engine:
    """One engine; the test runs once on each."""
    return engines.open(request.param)


@pytest.fixture
def sail(engines: Engines) -> Engine:
    """The default engine, for tests that do not depend on the engine."""
    return engines.open("sail")


@pytest.fixture
def lakehouse(engine: Engine, tmp_path: Path) -> SparkLakehouse:
    """An empty lakehouse; the test runs once on each engine."""
    return SparkLakehouse(str(tmp_path / "lakehouse"), engine.spark)
