"""Divides a large frequency table into blocks that are searched one at a time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.neighbour import nearest_tuples
from privacy.anonymity.kernel.problem import INTERVAL
from privacy.anonymity.search.region import run_all
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.table.frequency_table import FrequencyTable, column_order

BLOCKS = 4
"""Blocks have at most `spec.block_tuples` / BLOCKS tuples. Small blocks fit the processor's cache, and cuts between
near pairs cost little."""
SAMPLE, NEAR = 2048, 8
"""Number of sampled tuples by which cuts are chosen, and number of nearest tuples of each."""
COUNTED = 20_000
"""Tuples of a block that are counted to estimate how even a cut is."""


def violated(
    table: FrequencyTable,
    spec: Spec,
    units: NDArray[np.int64] | None = None,
    records: NDArray[np.int64] | None = None,
) -> list[str]:
    """Returns the names of the models that the units would break if they were one class.

    `units` None takes all units. `records` is the number of records of each unit; None takes all of them.
    """
    chosen = np.arange(len(table.count)) if units is None else units
    weight = np.where(table.is_home[chosen], table.count[chosen] if records is None else records, 0)
    people = np.array([weight.sum()])
    place = {sensitive.column: j for j, sensitive in enumerate(table.sensitive)}
    broken: list[str] = []
    for model in spec.models:
        if model.column is None:
            hist, context = np.zeros((1, 0), np.int64), None
        else:
            context = table.sensitive[place[model.column]]
            category = table.category[chosen, place[model.column]]
            hist = np.bincount(category, weights=weight, minlength=len(context.values)).astype(np.int64)[None]
        if not model.holds(hist, people, context)[0]:  # type: ignore[arg-type]
            broken.append(model.name)
    return broken


def partition(table: FrequencyTable, spec: Spec, threads: int = 1) -> list[NDArray[np.int64]]:
    """Returns blocks of units, as arrays of unit numbers.

    Up to `spec.block_tuples` distinct tuples make one block. A larger table is halved again and again until blocks have
    at most a quarter of that (`BLOCKS`), as in Mondrian (LeFevre et al. 2006). A block is cut only where both sides
    satisfy every model as one class, and where the cut separates the fewest near pairs of a sample. The result depends
    on the distinct tuples alone.
    """
    tuples = len(table.unit_start) - 1
    if tuples <= spec.block_tuples:
        return [np.arange(len(table.count))]
    codes = np.ascontiguousarray(table.codes[table.unit_start[:-1]].T)
    pending = [(np.arange(tuples), _near_pairs(table, threads))]
    blocks = []
    while pending:
        block, pairs = pending.pop()
        below = _cut(table, codes, block, pairs, spec) if len(block) * BLOCKS > spec.block_tuples else None
        if below is None:
            blocks.append(block)
            continue
        side = np.zeros(tuples, np.int8)
        side[block] = np.where(below, 1, 2)
        place = side[pairs]
        pending.append((block[~below], pairs[(place == 2).all(1)]))
        pending.append((block[below], pairs[(place == 1).all(1)]))
    if len(blocks) == 1:
        return [np.arange(len(table.count))]
    owner = np.empty(tuples, np.int64)
    for number, block in enumerate(blocks):
        owner[block] = number
    unit_owner = np.repeat(owner, np.diff(table.unit_start))
    order = np.argsort(unit_owner, kind="stable")
    return np.split(order, np.cumsum(np.bincount(unit_owner, minlength=len(blocks)))[:-1])


def _near_pairs(table: FrequencyTable, threads: int) -> NDArray[np.int64]:
    """Returns (pairs, 2): the numbers of sampled tuples, each with a tuple near to it."""
    start = table.unit_start
    codes = np.ascontiguousarray(table.codes[start[:-1]])
    tuples = len(codes)
    wanted = np.zeros(tuples, np.bool_)
    wanted[:: -(-tuples // SAMPLE)] = True
    given = codes, np.diff(start), np.array(column_order(table.domains), np.int64), *table.pair_losses
    edges = np.linspace(0, tuples, threads + 1).astype(np.int64).tolist()
    near = run_all(lambda edge: nearest_tuples(*given, wanted, NEAR, 1, *edge)[0], pairwise(edges), threads)
    sample = np.flatnonzero(wanted)
    other = np.concatenate(near)[sample]
    pairs = np.stack([np.repeat(sample, NEAR), other.ravel()], 1)
    return np.asarray(pairs[pairs[:, 0] != pairs[:, 1]])


def _cut(
    table: FrequencyTable, codes: NDArray[np.int32], block: NDArray[np.int64], pairs: NDArray[np.int64], spec: Spec
) -> NDArray[np.bool_] | None:
    """Returns which tuples of a block are on the first side of its best cut, or None when no column can be cut.

    `codes` is (q, tuples). A cut is better the fewer `pairs` it separates and the larger its smaller side.
    """
    sampled = block[:: -(-len(block) // COUNTED)]
    options: list[tuple[float, int, int, bool]] = []
    for j, domain in enumerate(table.domains):
        size = len(domain.values)
        share = np.bincount(codes[j][sampled], minlength=size) / len(sampled)
        ends = np.sort(codes[j][pairs], 1)
        parts = ends[ends[:, 0] != ends[:, 1]]
        low, high = (np.bincount(parts[:, side], minlength=size) for side in (0, 1))
        found = [(np.cumsum(share), np.cumsum(low - high), False)]
        if domain.kind != INTERVAL:
            found.append((share, low + high, True))
        for inside, parted, is_one in found:
            smaller = np.minimum(inside, 1 - inside)
            score = (1 + parted) / (1 + len(pairs)) / np.maximum(smaller, 1e-9)
            at = np.flatnonzero(smaller > 0)
            if len(at):
                best = [at[np.argmin(score[at])], at[np.argmax(smaller[at])]]
                options += [(float(score[code]), j, int(code), is_one) for code in best]
    for _, j, code, is_one in sorted(set(options)):
        inside_block = codes[j][block]
        below: NDArray[np.bool_] = inside_block == code if is_one else inside_block <= code
        halves = block[below], block[~below]
        if all(len(half) and not violated(table, spec, _units(table, half)) for half in halves):
            return below
    return None


def _units(table: FrequencyTable, tuples: NDArray[np.int64]) -> NDArray[np.int64]:
    start, stop = table.unit_start[tuples], table.unit_start[tuples + 1]
    lengths = stop - start
    return np.repeat(start - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths) + np.arange(lengths.sum())
