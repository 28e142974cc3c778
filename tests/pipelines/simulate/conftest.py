"""Two small markets that the tests of the simulator share."""

import shutil
from pathlib import Path

import pytest

from pipelines.simulate.simulation import SimulationResult, simulate

from .landed import Landed

SEED = 7


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    """A simulation of the first 150 households, to read."""
    out: Path = tmp_path_factory.mktemp("market")
    simulate(out, seed=SEED, households=150)
    return Landed(out)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> SimulationResult:
    """The result of a simulation of seed 3 and twelve households; `written` copies its files."""
    return simulate(tmp_path_factory.mktemp("small"), seed=3, households=12)


@pytest.fixture
def written(tmp_path: Path, small: SimulationResult) -> SimulationResult:
    """The result of the small simulation, with a copy of its files in `tmp_path` that a test may change."""
    shutil.copytree(small.out, tmp_path, dirs_exist_ok=True)
    return small
