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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip slow tests unless BOJAGI_REQUIRE or the -m option names them, and divide the tests among processes."""
    if "slow" not in REQUIRED and "slow" not in config.option.markexpr:
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow; run with BOJAGI_REQUIRE=slow or -m slow"))
    for item in items:
        # The tests of a file share its fixtures, and those of a named group one JVM or one run: one process for each.
        if item.get_closest_marker("xdist_group") is None:
            own = "spark" if item.get_closest_marker("spark") else item.nodeid.partition("::")[0]
            item.add_marker(pytest.mark.xdist_group(own))
    # The long groups first, so that no process waits at the end for one that has just begun a long one.
    items.sort(key=lambda item: (_LONG.index(name) if (name := _group(item)) in _LONG else len(_LONG), _is_short(item)))


_LONG = ("market", "spark", "canary")


def _group(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    return str(marker.args[0]) if marker else ""


def _is_short(item: pytest.Item) -> bool:
    return "slow" not in item.keywords


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
