"""One small market for all tests of the simulator."""

from pathlib import Path

import pytest

from pipelines.simulate.simulation import simulate

from .landed import Landed

SEED = 7


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    """The first 150 households of the market."""
    out: Path = tmp_path_factory.mktemp("market")
    simulate(out, seed=SEED, households=150)
    return Landed(out)
