"""A small market and the part of the job that makes its calendar: three sources, one silver table."""

from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest

from installation.contract.document import Contracts, load_contracts
from installation.settings import Settings, load_settings
from pipelines.defs.build import build_definitions
from pipelines.orchestration.instance import open_instance
from pipelines.orchestration.landing_state import landing_tags
from pipelines.orchestration.refresh import refresh
from pipelines.orchestration.run_progress import RunProgress
from pipelines.simulate.simulation import simulate

SOURCES = ("region", "weather", "cj_transactions")
TABLES = (*(f"bronze/{source}" for source in SOURCES), "silver/calendar")
Refresh = Callable[..., RunProgress]


@pytest.fixture(scope="session")
def contracts() -> Contracts:
    return load_contracts()


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The landing folder of a market of ten households."""
    folder = tmp_path_factory.mktemp("market")
    simulate(folder, 1, 1, lambda _: None, households=10)
    return folder / "landing"


@pytest.fixture
def settings(tmp_path: Path, market: Path) -> Settings:
    for source in SOURCES:
        copytree(market / source, tmp_path / "landing" / source)
    return load_settings(data_dir=tmp_path, engine_memory="1GB")


@pytest.fixture
def run(settings: Settings, contracts: Contracts, monkeypatch: pytest.MonkeyPatch) -> Refresh:
    """Refresh those tables, on the engine of the settings unless told otherwise, and tell what happened."""
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_dir))

    def run_once(engine: str = settings.engine) -> RunProgress:
        chosen = settings.model_copy(update={"engine": engine})
        progress = RunProgress(on_start=lambda _: None, on_end=lambda _: None)
        with open_instance(chosen) as instance:
            refresh(build_definitions(chosen, contracts), instance, progress, landing_tags(chosen, contracts), TABLES)
        return progress

    return run_once
