"""Copies a part of a problem into a smaller problem with its own unit and tuple numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.class_state import Classes, add
from privacy.anonymity.kernel.compilation import entry_point
from privacy.anonymity.kernel.problem import Problem


@entry_point
def renumber_neighbours(
    neighbour: NDArray[np.int32], tuples: NDArray[np.int32], number: NDArray[np.int32], out: NDArray[np.int32]
) -> None:
    """Writes the neighbours of `tuples` that have a `number` into `out`, as that number and in their order.

    `out` must be filled with -1.
    """
    for i in range(tuples.shape[0]):
        found = 0
        for h in range(neighbour.shape[1]):
            near = neighbour[tuples[i], h]
            if near < 0:
                break
            if number[near] >= 0:
                out[i, found] = number[near]
                found += 1


@entry_point
def put_slots(
    p: Problem, c: Classes, unit: NDArray[np.int64], group: NDArray[np.int64], count: NDArray[np.int64], groups: int
) -> None:
    """Makes `groups` classes in an empty state: `count` records of each `unit` go to class `group`."""
    for s in range(unit.shape[0]):
        add(p, c, group[s], unit[s], count[s])
    c.counter[1] -= groups
