"""Fixtures that all tests share: the engines and a lakehouse. Sets the Hypothesis profile.

`BOJAGI_REQUIRE=spark,browser,slow` lists what must not be skipped. A test fails if the machine lacks what it needs and
the variable names it.
"""

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from pipelines.engine.session import Engine
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from tests.engines import REQUIRED, Engines
from tests.kafka_broker import broker
from tests.store_place import postgres_place, postgres_stores, postgres_stores_emptied, store_place

__all__ = ["broker", "postgres_place", "postgres_stores", "postgres_stores_emptied", "store_place"]

# No deadlines: on a busy machine an example takes longer than any limit that would find a slow function.
settings.register_profile("bojagi", deadline=None)
settings.load_profile("bojagi")

SPARK = pytest.param("spark", marks=pytest.mark.spark)


# Files whose tests share something costly: one run of the whole market, or one JVM. One process executes them all.
GROUPS = {
    "tests/pipelines/cli/test_market.py": "market",
    "tests/pipelines/cli/test_dagster_ui.py": "market",
    "tests/pipelines/lakehouse/test_spark_lakehouse.py": "spark",
    "tests/pipelines/matching/test_spark_workspace.py": "spark",
    "tests/pipelines/unify/test_engines.py": "spark",
    "tests/privacy/dp/test_release.py": "spark",
}
CONSOLE = "tests/agent_serving/console/"
"""Its files share a run of a market."""
SPARK_PARAMETER = re.compile(r"\[(.*-)?spark(-.*)?\]$")
# The long groups first, so that no process waits at the end for one that has just begun a long one.
LONG_GROUPS = ("market", "spark", "console", "tests/pipelines/cli/test_canary.py", "tests/test_readme.py")


def group_of(nodeid: str) -> str:
    """Return the group of a test: all tests of a group are executed by one process, in order.

    >>> group_of("tests/a/test_b.py::test_c[spark]"), group_of("tests/a/test_b.py::test_c[sail]")
    ('spark', 'tests/a/test_b.py')
    """
    file = nodeid.partition("::")[0]
    if file.startswith(CONSOLE):
        return "console"
    return "spark" if SPARK_PARAMETER.search(nodeid) else GROUPS.get(file, file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Divide the tests among processes by group. (xdist 3.8 overlooks its own mark `xdist_group` on pytest 9.2.)"""
    from xdist.scheduler import LoadScopeScheduling

    class GroupScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return GroupScheduling(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Let SIGINT count also where a shell started the tests in the background, which makes them ignore it.

    Dagster gives SIGTERM the handler of SIGINT. Pools that end their processes by SIGTERM would wait for ever.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip slow tests unless BOJAGI_REQUIRE or the -m option names them, and put the long groups first."""
    if "slow" not in REQUIRED and "slow" not in config.option.markexpr:
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow; run with BOJAGI_REQUIRE=slow or -m slow"))
    items.sort(key=_order)


def _order(item: pytest.Item) -> tuple[int, bool]:
    group = group_of(item.nodeid)
    return LONG_GROUPS.index(group) if group in LONG_GROUPS else len(LONG_GROUPS), "slow" not in item.keywords


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
