"""A small market and the part of the refresh job that makes its calendar: three sources and one silver table.

Fixtures for the tests of `pipelines/defs` and `pipelines/orchestration`; their conftest modules import them. The market
is simulated once, the first run is made once and copied, and all runs share one engine: that saves a minute.
"""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from shutil import copy, copytree
from tempfile import mkdtemp

import pytest

from installation.contract.document import Contracts, load_contracts
from installation.installation import Installation
from installation.reference_date import RUN_DATE_FILE
from installation.settings import Settings, load_settings
from pipelines.defs.build import build_definitions
from pipelines.engine.session import Engine
from pipelines.orchestration.instance import open_instance
from pipelines.orchestration.landing_state import landing_tags
from pipelines.orchestration.refresh import refresh
from pipelines.orchestration.run_progress import RunProgress
from pipelines.simulate.simulation import simulate
from tests.engines import Engines

SOURCES = ("region", "weather", "cj_transactions")
TABLES = (*(f"bronze/{source}" for source in SOURCES), "silver/calendar")
Refresh = Callable[..., RunProgress]


@pytest.fixture(scope="session")
def contracts() -> Contracts:
    return _contracts()


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The landing folder of a market of ten households."""
    return _market(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def loaded_market(market: Path, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with those sources, after its first run on Sail. Tests copy it."""
    return _loaded_market(market, engines.open("sail"), tmp_path_factory.getbasetemp())


@pytest.fixture
def settings(tmp_path: Path, market: Path) -> Settings:
    """The settings of a data folder in which only the files of those sources have landed."""
    _land(market, tmp_path)
    return load_settings(data_dir=tmp_path, engine_memory="1GB")


@pytest.fixture
def after_first_run(settings: Settings, loaded_market: Path) -> None:
    """Make the data folder of the settings one in which the first run has finished."""
    copytree(loaded_market, settings.data_dir, dirs_exist_ok=True)


@pytest.fixture
def run(settings: Settings, engines: Engines, monkeypatch: pytest.MonkeyPatch) -> Refresh:
    """Refresh those tables, or the given ones, and return what happened to each."""
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_dir))

    def run_once(engine: str = "sail", tables: Iterable[str] = TABLES) -> RunProgress:
        return _refresh(settings.model_copy(update={"engine": engine}), engines.open(engine), tables)

    return run_once


def _refresh(settings: Settings, engine: Engine, tables: Iterable[str] = TABLES) -> RunProgress:
    installation = installation_of(settings)
    progress = RunProgress(on_start=lambda _: None, on_end=lambda _: None)
    definitions = build_definitions(installation, open_engine=lambda _: nullcontext(engine))
    with open_instance(settings) as instance:
        refresh(definitions, instance, progress, landing_tags(settings, installation.contracts), tables)
    return progress


def installation_of(settings: Settings) -> Installation:
    """Return the installation with the built-in contracts that are read once for all tests: that takes a second."""
    installation = Installation(settings)
    vars(installation)["contracts"] = _contracts()
    return installation


def _land(market: Path, data: Path) -> None:
    for source in SOURCES:
        copytree(market / source, data / "landing" / source)
    copy(market.parent / RUN_DATE_FILE, data)


# Cached here because pytest makes a fixture of each conftest module that imports it, also one of the session.
@cache
def _contracts() -> Contracts:
    return load_contracts()


@cache
def _market(folder: Path) -> Path:
    made = Path(mkdtemp(prefix="market", dir=folder))
    simulate(made, 1, 1, lambda _: None, households=10)
    return made / "landing"


@cache
def _loaded_market(market: Path, engine: Engine, folder: Path) -> Path:
    made = Path(mkdtemp(prefix="loaded", dir=folder))
    _land(market, made)
    progress = _refresh(load_settings(data_dir=made, engine_memory="1GB"), engine)
    assert all(turn.is_finished for turn in progress.turns.values())
    return made
