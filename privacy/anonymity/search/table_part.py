"""Divides a table that is too large to be searched at once into parts, by histograms of bounded size.

A part is a range of the first word of a unit's key (`unit_key`), so its tuples agree in the columns costliest to differ
in. The ranges follow from the numbers of units alone. So neither partitioning nor engine changes them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.errors import InfeasibleError
from privacy.anonymity.search.allocation import SUPPRESSED, Allocation
from privacy.anonymity.search.block import violated
from privacy.anonymity.search.local_recoding import recode_locally
from privacy.anonymity.search.suppression import suppress
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.table.frequency_table import FrequencyTable
from privacy.anonymity.table.unit_key import Packing, make_packing, to_table, words_of

CELLS = 2**16
"""Most cells of one histogram."""

Histogram = Callable[[int, int, int], tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Takes a stride and a range [low, high) of keys; returns the occurring cells (key // stride), rising, and the units in
each."""
Content = Callable[[list[int]], tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]
"""Takes edges; returns for each unit its part, its words without the quasi-identifiers, and its rows."""


def find_edges(packing: Packing, histogram: Histogram, most: int) -> list[int]:
    """Returns the edges of consecutive, evenly filled ranges of keys with at most `most` units each.

    Units of one key stay together. A key with more units makes a range of its own.
    """
    steps = packing.steps()
    atoms = _atoms(steps, histogram, 0, steps[0], most)
    total = sum(units for _, units in atoms)
    target = -(-total // max(-(-total // most), 1))
    edges, filled = [0], 0
    for start, units in atoms:
        if filled and (filled >= target or filled + units > most):
            edges.append(start)
            filled = 0
        filled += units
    return [*edges, steps[0]]


def _atoms(steps: list[int], histogram: Histogram, low: int, high: int, most: int) -> list[tuple[int, int]]:
    """Returns consecutive cells as (first key, units). A cell has at most `most` units, or is a single key."""
    stride = next((s for s in reversed(steps) if (high - low) // s <= CELLS), steps[-1])
    out: list[tuple[int, int]] = []
    for cell, units in zip(*(part.tolist() for part in histogram(stride, low, high)), strict=True):
        if units > most and stride > 1:
            out += _atoms(steps, histogram, cell * stride, (cell + 1) * stride, most)
        else:
            out.append((cell * stride, units))
    return out


def join_broken(
    packing: Packing, table: FrequencyTable, edges: list[int], units: list[int], content: Content, spec: Spec
) -> list[int]:
    """Returns the edges after joining each part that breaks a model as one class with its smaller neighbour.

    `table` supplies the domains; `units` is the number of units of each part.

    Raises:
        InfeasibleError: a part would have more than `spec.memory_units` units.
    """
    part, words, rows = content(edges)
    parts = [(words[part == number], rows[part == number]) for number in range(len(edges) - 1)]
    edges, units = list(edges), list(units)
    number = 0
    while number < len(parts):
        small = to_table(packing, table.domains, table.sensitive, *_sorted(*parts[number]))
        broken = violated(small, spec)
        if not broken or len(parts) == 1:
            number += 1
            continue
        left = number - 1 if number and (number + 1 == len(parts) or units[number - 1] <= units[number + 1]) else number
        if units[left] + units[left + 1] > spec.memory_units:
            raise InfeasibleError(
                f"a part of {units[number]} units breaks {', '.join(broken)} by itself and its neighbour has no "
                f"room for it; raise `memory_units` (now {spec.memory_units}) or weaken the model"
            )
        parts[left : left + 2] = [tuple(np.concatenate(pair) for pair in zip(*parts[left : left + 2], strict=True))]  # type: ignore[list-item]
        units[left : left + 2] = [units[left] + units[left + 1]]
        del edges[left + 1]
        number = left
    return edges


def _sorted(words: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    order = np.lexsort(words.T[::-1])
    return words[order], rows[order]


def recode_in_parts(table: FrequencyTable, spec: Spec) -> Allocation:
    """Returns the local recoding of a table, searched in parts when it has more than `spec.memory_units` units."""
    if len(table.count) <= spec.memory_units:
        return suppress(table, recode_locally(table, spec), spec)
    packing = make_packing(table.domains, table.sensitive)
    words = words_of(packing, table)
    key = words[:, 0]

    def histogram(stride: int, low: int, high: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        inside = key[(key >= low) & (key < high)]
        cell, units = np.unique(inside // stride, return_counts=True)
        return cell, units

    def content(edges: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        bare = words.copy()
        bare[:, : packing.tuple_words] = 0
        return np.searchsorted(edges, key, "right") - 1, bare, table.count

    edges = find_edges(packing, histogram, spec.memory_units // 2)
    units = np.histogram(np.searchsorted(edges, key, "right") - 1, np.arange(len(edges)))[0]
    edges = join_broken(packing, table, edges, units.tolist(), content, spec)
    return concatenate([_one(table, key, low, high, spec) for low, high in pairwise(edges)])


def _one(table: FrequencyTable, key: NDArray[np.int64], low: int, high: int, spec: Spec) -> tuple[int, Allocation]:
    first, last = np.searchsorted(key, [low, high])
    inside = slice(int(first), int(last))
    part = FrequencyTable(
        table.domains,
        table.sensitive,
        table.codes[inside],
        table.category[inside],
        table.is_home[inside],
        table.count[inside],
    )
    return int(first), suppress(part, recode_locally(part, spec), spec)


def concatenate(parts: list[tuple[int, Allocation]]) -> Allocation:
    """Returns one allocation from those of parts, given with the number of the first unit of each."""
    classes = np.cumsum([0, *(len(part.labels) for _, part in parts)])
    group = [
        np.where(part.group == SUPPRESSED, SUPPRESSED, part.group + start)
        for (_, part), start in zip(parts, classes[:-1], strict=True)
    ]
    return Allocation(
        np.concatenate([part.unit + first for first, part in parts]),
        np.concatenate(group),
        np.concatenate([part.count for _, part in parts]),
        np.vstack([part.labels for _, part in parts]),
    )
