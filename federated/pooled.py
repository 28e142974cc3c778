"""Trains a task on tables that this process holds, with the sums of a run but without messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from federated.fixed_point import FixedPoint
from federated.schema import SiteTable
from federated.task import State, Task, round_of

ROUNDS_MAX = 2000


def states(
    task: Task, tables: Sequence[SiteTable], sites_max: int = 64, rounds_max: int = ROUNDS_MAX
) -> Iterator[State]:
    """Yields the state after each round. The sums are those of an unmasked or masked run with the same `sites_max`.

    With one table it trains a local model, with the rows of all sites in one table the central model.
    """
    state = task.start(tables[0].schema)
    while not task.is_done(state) and round_of(state) < rounds_max:
        codec = FixedPoint(tuple(task.shapes(state)), sites_max)
        total = np.zeros(codec.size, dtype=np.uint64)
        for table in tables:
            total += codec.encode(task.contribute(state, table))
        state = task.update(state, codec.decode(total), len(tables))
        yield state


def train(task: Task, tables: Sequence[SiteTable], sites_max: int = 64, rounds_max: int = ROUNDS_MAX) -> State:
    """Returns the state after the last round."""
    state = task.start(tables[0].schema)
    for after in states(task, tables, sites_max, rounds_max):
        state = after
    return state


def pool(tables: Sequence[SiteTable]) -> SiteTable:
    """Returns the rows of several tables as one. Only for measurements where pooling is allowed."""
    return SiteTable(
        tables[0].schema,
        np.concatenate([table.features for table in tables]),
        np.concatenate([table.target for table in tables]),
        np.concatenate([table.customer for table in tables]),
    )
