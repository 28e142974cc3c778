"""Models that the tests of synthetic data share, each fitted once a process."""

import pytest

from privacy.synthetic.event.private_history import PrivateHistory
from privacy.synthetic.private_table import PrivateTable
from tests.privacy.synthetic.people import draw_events, draw_people, events_specification, people_specification


@pytest.fixture(scope="session")
def table_model() -> PrivateTable:
    return PrivateTable.fit(draw_people(5000, 1), people_specification())


@pytest.fixture(scope="session")
def history_model() -> PrivateHistory:
    return PrivateHistory.fit(draw_people(2000, 1), draw_events(2000, 1), events_specification(epsilon=8.0))
