"""Computes a lower bound of the loss of every release with hierarchy labels, independent of the search."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.dual_price import find_prices
from privacy.anonymity.kernel.label_index import ADD_UP, COUNT, LIST, LabelIndex, Lattice, index_labels, walk
from privacy.anonymity.kernel.problem import Problem
from privacy.anonymity.table.frequency_table import FrequencyTable


def list_labels(
    table: FrequencyTable, p: Problem, people: NDArray[np.int64], cap: NDArray[np.float64] | None = None
) -> LabelIndex:
    """Returns the labels of the lattice that cover k people, with the tuples that each covers.

    Every column must have a hierarchy. `people` (tuples,) counts the people of each tuple. Labels that lose more than
    `cap` (tuples,) are not listed for a tuple; without it all are.
    """
    k = int(p.model_number[0, 0])
    codes = np.ascontiguousarray(p.codes[p.unit_start[:-1]])
    highest = np.full(len(people), np.inf) if cap is None else cap
    pair_tuple, pair_label, cost = _lattice_labels(table, codes, highest, people, k)
    return index_labels(cost, pair_tuple, pair_label)


def lower_bound(table: FrequencyTable, p: Problem, count: NDArray[np.int64], steps: int) -> float:
    """Returns a lower bound of the summed loss of any k-anonymous release with hierarchy labels.

    It holds for releases without suppression. It is the Lagrangian dual (see `kernel.dual_price`) over every label of
    the lattice that covers k people. Every value of the dual is a bound; more `steps` of ascent give a higher one.
    """
    k = int(p.model_number[0, 0])
    people = np.add.reduceat(count, p.unit_start[:-1])
    labels = list_labels(table, p, people)
    # A price may exceed the record's own largest loss: without the record, k - 1 others would lose more too.
    highest = np.full(len(people), float(k))
    return float(find_prices(labels, people, k, p.floor, highest, steps)[1])


def _lattice(table: FrequencyTable) -> Lattice:
    """Returns the hierarchy nodes of all columns, each with a random number.

    The sum of the numbers of its nodes identifies a label.
    """
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
    table: FrequencyTable, codes: NDArray[np.int32], cap: NDArray[np.float64], people: NDArray[np.int64], k: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """Returns the labels that cover `k` people: pairs (tuple, label) by rising tuple, and the cost of each label."""
    lattice = _lattice(table)
    empty, none, nothing, zero = np.zeros(0, np.int32), np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0)
    pairs = walk(codes, lattice, cap, people, none, nothing, zero, empty, empty, empty, COUNT)
    size = 1 << int(np.ceil(np.log2(2 * pairs + 16)))
    keys, total = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    cost, number = np.zeros(size), np.full(size, -1, np.int32)
    walk(codes, lattice, cap, people, keys, total, cost, number, empty, empty, ADD_UP)
    good = np.flatnonzero(total >= k)
    number[good] = np.arange(len(good), dtype=np.int32)
    pair_tuple, pair_label = np.empty(pairs, np.int32), np.empty(pairs, np.int32)
    found = walk(codes, lattice, cap, people, keys, total, cost, number, pair_tuple, pair_label, LIST)
    return pair_tuple[:found], pair_label[:found], cost[good]
