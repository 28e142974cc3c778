"""Mondrian partitioning of a large frequency table into blocks that can be searched one at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.problem import INTERVAL
from privacy.anonymity.spec import Spec
from privacy.anonymity.table import FrequencyTable


def violated(
    table: FrequencyTable,
    spec: Spec,
    units: NDArray[np.int64] | None = None,
    records: NDArray[np.int64] | None = None,
) -> list[str]:
    """Names of the models that `units` (all by default) would break as one class, with so many `records` of each."""
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


def partition(table: FrequencyTable, spec: Spec) -> list[NDArray[np.int64]]:
    """Blocks of units with at most `spec.block_tuples` distinct tuples each where the models allow.

    Cuts the column with the widest weighted loss at the median tuple (LeFevre et al. 2006), only where both halves
    still satisfy every model as one class. Depends on the distinct tuples alone.
    """
    tuples = len(table.unit_start) - 1
    if tuples <= spec.block_tuples:
        return [np.arange(len(table.count))]
    tuple_of = np.repeat(np.arange(tuples), np.diff(table.unit_start))
    first = table.codes[table.unit_start[:-1]]
    blocks, pending = [], [np.arange(tuples)]
    while pending:
        block = pending.pop()
        halves = _cut(table, first, block, spec) if len(block) > spec.block_tuples else None
        if halves is None:
            blocks.append(block)
        else:
            pending.extend(reversed(halves))
    if len(blocks) == 1:
        return [np.arange(len(table.count))]
    owner = np.empty(tuples, np.int64)
    for number, block in enumerate(blocks):
        owner[block] = number
    unit_owner = owner[tuple_of]
    order = np.argsort(unit_owner, kind="stable")
    return np.split(order, np.cumsum(np.bincount(unit_owner, minlength=len(blocks)))[:-1])


def _cut(
    table: FrequencyTable, first: NDArray[np.int32], block: NDArray[np.int64], spec: Spec
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """The two halves of a block at its best cut, or None when no column can be cut."""
    codes = first[block]
    spreads = []
    for j, domain in enumerate(table.domains):
        low, high = int(codes[:, j].min()), int(codes[:, j].max())
        if domain.kind == INTERVAL:
            width = float(domain.pair_loss[low, high])
        else:
            width = (len(np.unique(codes[:, j])) - 1) / max(len(domain.values) - 1, 1)
        spreads.append(width * table.weights[j])
    for j in sorted(range(len(spreads)), key=lambda j: (-spreads[j], j)):
        if spreads[j] == 0:
            continue
        counts = np.bincount(codes[:, j])
        edge = int(np.searchsorted(np.cumsum(counts), len(block) / 2)) + 1
        for cut in (edge, edge - 1):
            below = codes[:, j] < cut
            if below.any() and not below.all():
                halves = block[below], block[~below]
                if not any(violated(table, spec, _units(table, half)) for half in halves):
                    return halves
    return None


def _units(table: FrequencyTable, tuples: NDArray[np.int64]) -> NDArray[np.int64]:
    start, stop = table.unit_start[tuples], table.unit_start[tuples + 1]
    lengths = stop - start
    return np.repeat(start - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths) + np.arange(lengths.sum())
