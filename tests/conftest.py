"""Fixtures for everyone: the engines and a lakehouse.

`BOJAGI_REQUIRE=spark,browser,slow` says what must not be skipped: what it names and the machine lacks is
then a failure.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pipelines import java
from pipelines.config import load_settings
from pipelines.engine import Engine, open_engine
from pipelines.errors import EngineError
from pipelines.lakehouse import Lakehouse

REQUIRED = frozenset(filter(None, os.environ.get("BOJAGI_REQUIRE", "").split(",")))
SPARK = pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.xdist_group("spark")])


def require_or_skip(component: str, reason: str) -> None:
    """Skip a test for want of a component, or fail where the environment requires it."""
    if component in REQUIRED:
        pytest.fail(f"BOJAGI_REQUIRE asks for {component}, but {reason}", pytrace=False)
    pytest.skip(reason)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests out unless they are asked for."""
    if "slow" in REQUIRED or "slow" in config.option.markexpr:
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow; run with BOJAGI_REQUIRE=slow or -m slow"))


class Engines:
    """Opens each engine once in a session and closes them all at its end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack = ExitStack()
        self.opened: dict[str, Engine] = {}

    def open(self, name: str) -> Engine:
        """The engine of that name; skips or fails where the machine cannot run it."""
        if name not in self.opened:
            if name == "spark":
                try:
                    java.require()
                except EngineError as error:
                    require_or_skip("spark", str(error))
            settings = load_settings(engine=name, data_dir=self.folder, engine_memory="1GB")
            self.opened[name] = self.stack.enter_context(open_engine(settings))
        return self.opened[name]


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
def lakehouse(engine: Engine, tmp_path: Path) -> Lakehouse:
    """An empty lakehouse, on each engine in turn."""
    return Lakehouse(str(tmp_path / "lakehouse"), engine.spark)
