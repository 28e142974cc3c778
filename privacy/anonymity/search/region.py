"""Divides the classes into regions that are refined in parallel, one on each core.

After a few rounds the classes are divided again along other columns, so no border is permanent. The borders and the
random numbers of each region follow from the classes and the seed alone. So the number of cores changes only the time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.class_state import Classes, new_classes
from privacy.anonymity.kernel.problem import SET, Problem
from privacy.anonymity.kernel.random_number import new_random_state
from privacy.anonymity.kernel.refinement import Schedule, refine, relocate
from privacy.anonymity.kernel.resplit import new_scratch
from privacy.anonymity.kernel.subproblem import put_slots, renumber_neighbours

REGION_SLOTS = 6000
"""Slots of classes with a loss in a region. Smaller regions separate more neighbours, larger ones exceed the
processor's cache."""
ROUNDS = 8
"""Rounds between two divisions into regions."""
MOST_SLOTS, MORE_CLASSES = 4, 256
"""Room for slots, as a multiple of the present number, and for classes beyond the present number."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Slots:
    """Classes as a list: `count` records of each `unit` in class `group`. Classes are numbered from 0."""

    unit: NDArray[np.int64]
    group: NDArray[np.int64]
    count: NDArray[np.int64]


def slots_of(c: Classes) -> Slots:
    """Returns the used slots by class, with classes renumbered in their order."""
    used = np.flatnonzero(c.slot_class >= 0)
    used = used[np.lexsort((c.slot_unit[used], c.slot_class[used]))]
    _, group = np.unique(c.slot_class[used], return_inverse=True)
    return Slots(c.slot_unit[used], group.ravel().astype(np.int64), c.slot_count[used])


def usable_cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_all(function: Callable[[Item], Result], items: Iterable[Item], threads: int) -> list[Result]:
    """Returns the results of `function` in the order of `items`, computed in up to `threads` threads.

    A single item is computed in the calling thread.
    """
    work = list(items)
    if threads <= 1 or len(work) <= 1:
        return [function(item) for item in work]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, work))


def refine_in_regions(p: Problem, slots: Slots, schedule: Schedule, seed: int, threads: int) -> Slots:
    """Returns the classes after all refinement rounds of the schedule, computed region by region."""
    for first in range(0, schedule.rounds, ROUNDS):
        rounds = range(first, min(first + ROUNDS, schedule.rounds))
        random = np.random.default_rng([seed, first])
        parts = cut_classes(p, slots, random)
        seeds = random.integers(0, 2**62, len(parts)).tolist()

        def work(part: tuple[Slots, int], rounds: range = rounds) -> Slots:
            return _refine_region(p, part[0], schedule, rounds, part[1])

        slots = _join(run_all(work, zip(parts, seeds, strict=True), threads))
    return slots


def cut_classes(p: Problem, slots: Slots, random: np.random.Generator) -> list[Slots]:
    """Returns the classes divided into regions of about REGION_SLOTS slots. Similar classes stay together.

    A class is never divided. Only classes with a loss count towards the size.

    The classes are halved repeatedly in the order of randomly chosen columns. Codes of set columns get a random order.
    """
    starts = np.flatnonzero(np.diff(slots.group, prepend=-1))
    size = np.diff(starts, append=len(slots.group))
    tuple_of = p.tuple_of[slots.unit]
    has_loss = np.maximum.reduceat(tuple_of, starts) > np.minimum.reduceat(tuple_of, starts)
    weight = np.where(has_loss, size, 0)
    codes = p.codes[slots.unit[starts]].copy()
    for j in np.flatnonzero(p.kind == SET):
        codes[:, j] = random.permutation(int(p.size[j]))[codes[:, j]]
    regions = [np.arange(len(starts))]
    while int(weight[regions[0]].sum()) > REGION_SLOTS:
        regions = [half for region in regions for half in _halve(codes, weight, region, random)]
    owner = np.empty(len(starts), np.int64)
    for number, region in enumerate(regions):
        owner[region] = number
    place = owner[slots.group]
    order = np.argsort(place, kind="stable")
    bounds = np.cumsum(np.bincount(place, minlength=len(regions)))[:-1]
    return [
        Slots(slots.unit[part], slots.group[part], slots.count[part]) for part in np.split(order, bounds) if len(part)
    ]


def _halve(
    codes: NDArray[np.int32], weight: NDArray[np.int64], region: NDArray[np.int64], random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    columns = random.permutation(codes.shape[1])
    order = region[np.lexsort(codes[region][:, columns].T)]
    total = np.cumsum(weight[order])
    at = int(np.searchsorted(total, total[-1] / 2)) if len(order) else 0
    return order[:at], order[at:]


def _refine_region(p: Problem, slots: Slots, schedule: Schedule, rounds: range, seed: int) -> Slots:
    """Returns the classes of one region after `rounds` of refinement, with the unit numbers of `p`."""
    units, unit = np.unique(slots.unit, return_inverse=True)
    _, group = np.unique(slots.group, return_inverse=True)
    local = replace(slots, unit=unit.ravel().astype(np.int64), group=group.ravel().astype(np.int64))
    part, c = extract(p, units, local)
    refine(part, c, new_scratch(part), schedule, rounds, new_random_state(seed))
    found = slots_of(c)
    return replace(found, unit=units[found.unit])


def extract(p: Problem, units: NDArray[np.int64], slots: Slots) -> tuple[Problem, Classes]:
    """Returns the problem of some units alone, and their classes.

    `units` are rising unit numbers of `p`. `slots` number the units by their position in `units`.
    """
    tuples, tuple_of = np.unique(p.tuple_of[units], return_inverse=True)
    number = np.full(len(p.neighbour), -1, np.int32)
    number[tuples] = np.arange(len(tuples), dtype=np.int32)
    neighbour = np.full((len(tuples), p.neighbour.shape[1]), -1, np.int32)
    renumber_neighbours(p.neighbour, tuples, number, neighbour)
    part = p._replace(
        codes=np.ascontiguousarray(p.codes[units]),
        tuple_of=tuple_of.ravel().astype(np.int32),
        unit_start=np.searchsorted(tuple_of.ravel(), np.arange(len(tuples) + 1)).astype(np.int64),
        people=p.people[units],
        category=np.ascontiguousarray(p.category[units]),
        neighbour=neighbour,
        floor=p.floor[tuples],
    )
    groups = int(slots.group.max()) + 1
    count = np.bincount(slots.unit, slots.count, len(units)).astype(np.int64)
    room = min(int(slots.count.sum()), MOST_SLOTS * len(slots.unit) + 4096) + 4
    c = new_classes(part, count, room, 2 * groups + MORE_CLASSES)
    put_slots(part, c, slots.unit, slots.group, slots.count, groups)
    return part, c


def relocate_all(p: Problem, slots: Slots) -> Slots:
    """Returns the classes after one pass of moves over all of them."""
    part, c = extract(p, np.arange(len(p.codes)), slots)
    relocate(part, c)
    return slots_of(c)


def _join(parts: list[Slots]) -> Slots:
    groups = np.cumsum([0, *(int(part.group.max()) + 1 for part in parts)])
    return Slots(
        np.concatenate([part.unit for part in parts]),
        np.concatenate([part.group + start for part, start in zip(parts, groups[:-1], strict=True)]),
        np.concatenate([part.count for part in parts]),
    )
