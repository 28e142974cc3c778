"""The shop of the tests of experiments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from privacy.consent.state import State
from tests.features.experiment.experiment_shop import ANALYST, EVERYBODY, ExperimentShop, document


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ExperimentShop]:
    with closing(ExperimentShop(tmp_path)) as made:
        made.state(EVERYBODY, State.GIVEN)
        made.experiments.create(document(), ANALYST)
        yield made
