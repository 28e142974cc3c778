"""The bench of the collector and of topics: delivery under kills, on a small scale."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.collect.delivery import deliver, lost_and_doubled
from bench.collect.topic import deliver_messages


def test_a_lost_and_a_doubled_event_are_noticed() -> None:
    assert lost_and_doubled(["a", "b"], ["a", "b", "c"]) == (0, 0)
    assert lost_and_doubled(["a", "b", "c"], ["a", "a", "a", "c"]) == (1, 2)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_acknowledged_events_are_in_bronze_once_though_collector_and_loader_are_killed(tmp_path: Path) -> None:
    found = deliver(tmp_path, 5_000, 4, seed=3)
    assert (found.events, found.lost, found.doubled) == (5_000, 0, 0)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_messages_are_in_bronze_once_though_loaders_and_broker_are_killed(tmp_path: Path) -> None:
    found = deliver_messages(tmp_path, 3_000, 4, seed=2)
    assert (found.events, found.lost, found.doubled) == (3_000, 0, 0)
