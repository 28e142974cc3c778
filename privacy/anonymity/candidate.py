"""Candidate labels for the choice of labels: cheap nodes of the lattice, and the labels of classes grown first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.classes import Classes
from privacy.anonymity.kernel.pool import Lattice, Pool, index_pool, members, narrow, walk
from privacy.anonymity.kernel.price import find_prices, gains
from privacy.anonymity.kernel.problem import Problem
from privacy.anonymity.table import FrequencyTable

FACTOR, MARGIN, LENDING = 3.0, 4.0, 10.0
"""A tuple lists labels up to FACTOR times its own floor and MARGIN times the mean floor of tuples that need company;
tuples that need none list labels to lend to up to LENDING times that mean."""
PAIRS = 3_500_000
"""Most pairs listed; the caps shrink until they fit."""
STAGES = ((12, 100_000), (40, 60_000))
"""Steps of the ascent that finds the prices, then how many labels are kept: the best at these prices."""
NEAREST = 5
"""Cheapest labels of each unit that are always kept."""


def make_pool(
    table: FrequencyTable, p: Problem, classes: Classes, count: NDArray[np.int64], is_lender: NDArray[np.bool_]
) -> tuple[Pool, NDArray[np.float64]]:
    """The pool of labels over the units of `p`, and the units' prices; every column must have a hierarchy.

    `count` are the records of each unit (0 where they do not count as people); `is_lender` marks the tuples that
    satisfy the models by themselves.
    """
    k = int(p.model_number[0, 0])
    codes = np.ascontiguousarray(p.codes[p.unit_start[:-1]])
    people = np.add.reduceat(count, p.unit_start[:-1])
    mean = float((p.floor * people)[~is_lender].sum() / max(people[~is_lender].sum(), 1))
    cap = FACTOR * p.floor + MARGIN * mean
    highest = cap[p.tuple_of]
    cap[is_lender] = LENDING * mean
    pair_tuple, pair_label, cost = _lattice_labels(table, codes, cap, people, k)
    more_tuple, more_label, more_cost = _class_labels(table, codes, classes)
    pair_tuple = np.concatenate([pair_tuple, more_tuple])
    pair_label = np.concatenate([pair_label, more_label + np.int32(len(cost))])
    cost = np.concatenate([cost, more_cost])
    order = np.argsort(pair_tuple, kind="stable")
    pair_unit, pair_label = _to_units(p, pair_tuple[order], pair_label[order])
    is_counted = count[pair_unit] > 0
    lends = is_lender[p.tuple_of]
    pool = index_pool(cost, pair_unit[is_counted], pair_label[is_counted], lends)
    price = p.floor[p.tuple_of]
    for steps, size in STAGES:
        price, _ = find_prices(pool, count, k, price, highest, steps)
        if len(pool.cost) > size:
            pool = narrow(pool, _best(pool, gains(pool, price, count, k), size), lends)
    return pool, price


def lower_bound(table: FrequencyTable, p: Problem, count: NDArray[np.int64], steps: int) -> float:
    """Loss below which no k-anonymous recoding with hierarchy labels can be, without suppression, in all records' sum.

    The Lagrangian dual (see `kernel.price`) over every label of the lattice that covers k people; every value of the
    dual is a bound, more steps give a better one.
    """
    k = int(p.model_number[0, 0])
    codes = np.ascontiguousarray(p.codes[p.unit_start[:-1]])
    people = np.add.reduceat(count, p.unit_start[:-1])
    whole = np.full(len(people), np.inf)
    pair_tuple, pair_label, cost = _lattice_labels(table, codes, whole, people, k, np.iinfo(np.int64).max)
    pool = index_pool(cost, pair_tuple, pair_label, np.zeros(len(people), np.bool_))
    # A record may be worth more than its own whole loss: without it, the k - 1 others of its class would pay more too.
    highest = np.full(len(people), float(k))
    return float(find_prices(pool, people, k, p.floor, highest, steps)[1])


def _best(pool: Pool, gain: NDArray[np.float64], size: int) -> NDArray[np.bool_]:
    """The labels of most gain, those that cost nothing, and the cheapest of each unit."""
    is_kept = pool.cost == 0.0
    is_kept[np.argsort(-gain, kind="stable")[:size]] = True
    for place in range(NEAREST):
        at = pool.unit_start[:-1] + place
        is_kept[pool.label[pool.by_cost[at[at < pool.unit_start[1:]]]]] = True
    return np.asarray(is_kept)


def _to_units(
    p: Problem, pair_tuple: NDArray[np.int32], pair_label: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pairs of tuples, by rising tuple, as pairs of their units."""
    width = np.diff(p.unit_start)[pair_tuple]
    if len(width) and int(width.max()) == 1:
        return pair_tuple, pair_label
    first = np.repeat(np.cumsum(width) - width, width)
    unit = np.repeat(p.unit_start[pair_tuple], width) + np.arange(int(width.sum())) - first
    order = np.argsort(unit, kind="stable")
    return unit[order].astype(np.int32), np.repeat(pair_label, width)[order]


def _lattice(table: FrequencyTable) -> Lattice:
    """The nodes of the columns with a random number each; the sum over the columns tells labels apart."""
    random = np.random.default_rng(2**61 - 1)
    size = np.array([len(domain.values) for domain in table.domains], np.int64)
    levels = np.array([len(domain.groups) for domain in table.domains], np.int64)
    start = np.concatenate([[0], np.cumsum(size * levels)[:-1]]).astype(np.int64)
    cost = [(domain.group_loss * share).ravel() for domain, share in zip(table.domains, table.weights, strict=True)]
    hashes = []
    for domain in table.domains:
        numbers = random.integers(1, 2**64, size=domain.groups.shape, dtype=np.uint64)
        out = np.empty(domain.groups.shape, np.uint64)
        for level, group in enumerate(domain.groups):
            out[level] = numbers[level][group]
            if level:
                same = domain.group_loss[level] == domain.group_loss[level - 1]
                out[level][same] = out[level - 1][same]
        hashes.append(out.ravel())
    return Lattice(start, size, levels, np.concatenate(cost), np.concatenate(hashes))


def _lattice_labels(
    table: FrequencyTable,
    codes: NDArray[np.int32],
    cap: NDArray[np.float64],
    people: NDArray[np.int64],
    k: int,
    most: int = PAIRS,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """Pairs (tuple, label) up to the caps, and costs, of the labels that cover `k` people; lower caps when the pairs
    before that choice are more than `most`.
    """
    lattice = _lattice(table)
    empty, none, nothing, zero = np.zeros(0, np.int32), np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0)
    pairs = walk(codes, lattice, cap, people, none, nothing, zero, empty, empty, empty, 0)
    while pairs > most:
        cap = 0.9 * cap
        pairs = walk(codes, lattice, cap, people, none, nothing, zero, empty, empty, empty, 0)
    size = 1 << int(np.ceil(np.log2(2 * pairs + 16)))
    keys, total = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    cost, number = np.zeros(size), np.full(size, -1, np.int32)
    walk(codes, lattice, cap, people, keys, total, cost, number, empty, empty, 1)
    good = np.flatnonzero(total >= k)
    number[good] = np.arange(len(good), dtype=np.int32)
    pair_tuple, pair_label = np.empty(pairs, np.int32), np.empty(pairs, np.int32)
    found = walk(codes, lattice, cap, people, keys, total, cost, number, pair_tuple, pair_label, 2)
    return pair_tuple[:found], pair_label[:found], cost[good]


def _class_labels(
    table: FrequencyTable, codes: NDArray[np.int32], classes: Classes
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """The same for the labels of the classes grown so far that cost something."""
    used = np.flatnonzero((classes.rows > 0) & (classes.loss > 0))
    low, high = classes.low[used].copy(), classes.high[used].copy()
    for j, domain in enumerate(table.domains):
        a, b = classes.low[used, j], classes.high[used, j]
        level = np.zeros(len(used), np.int64)
        for above in range(len(domain.groups) - 1, -1, -1):
            level[domain.groups[above][a] == domain.groups[above][b]] = above
        size = np.stack([np.bincount(row, minlength=row.size)[row] for row in domain.groups])
        low[:, j] = domain.groups[level, a]
        high[:, j] = low[:, j] + size[level, a] - 1
    room = np.empty(0, np.int32)
    found = members(codes, low, high, room, room)
    pair_tuple, pair_label = np.empty(found, np.int32), np.empty(found, np.int32)
    members(codes, low, high, pair_tuple, pair_label)
    return pair_tuple, pair_label, classes.loss[used]
