"""Working space of growth by label: what the neighbours of a seed offer, and the label on trial."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.lean import lean
from privacy.anonymity.kernel.problem import INTERVAL, Problem

ONE = np.uint64(1)


class Trial(NamedTuple):
    """Offers, nearest to the seed first, and the labels on trial: row 0 at the start, row 1 now, row 2 the best yet."""

    unit: NDArray[np.int64]
    free: NDArray[np.int64]
    """Records without a class."""
    lent: NDArray[np.int64]
    """Records that another class can spare."""
    cost: NDArray[np.float64]
    """(offers, q) loss in each column of the label on trial once it covers the offer."""
    reach: NDArray[np.float64]
    """(offers,) their sum."""
    alone: NDArray[np.float64]
    """(offers,) the same for the label at the start."""
    is_covered: NDArray[np.bool_]
    is_tried: NDArray[np.bool_]
    low: NDArray[np.int32]
    high: NDArray[np.int32]
    mask: NDArray[np.uint64]
    hist: NDArray[np.int64]
    """(2, bins) sensitive values under the label on trial: of the free records, and with the lent ones."""


def new_trial(p: Problem) -> Trial:
    """Working space for problem `p`."""
    room = p.neighbour.shape[1] * (2 if len(p.prior) == 0 else 8)
    q = p.codes.shape[1]
    return Trial(
        unit=np.zeros(room, np.int64),
        free=np.zeros(room, np.int64),
        lent=np.zeros(room, np.int64),
        cost=np.zeros((room, q)),
        reach=np.zeros(room),
        alone=np.zeros(room),
        is_covered=np.zeros(room, np.bool_),
        is_tried=np.zeros(room, np.bool_),
        low=np.zeros((3, q), np.int32),
        high=np.zeros((3, q), np.int32),
        mask=np.zeros((3, q, p.words), np.uint64),
        hist=np.zeros((2, len(p.prior)), np.int64),
    )


@lean
def start_label(w: Trial, low: NDArray[np.int32], high: NDArray[np.int32], mask: NDArray[np.uint64]) -> None:
    """Begin with this label, which is also the best yet."""
    for j in range(low.shape[0]):
        w.low[0, j], w.high[0, j] = low[j], high[j]
        for word in range(mask.shape[1]):
            w.mask[0, j, word] = mask[j, word]
    copy_label(w, 2, 0)


@lean
def copy_label(w: Trial, to: int, source: int) -> None:
    """Make the label in row `to` that in row `source`."""
    for j in range(w.low.shape[1]):
        w.low[to, j], w.high[to, j] = w.low[source, j], w.high[source, j]
        for word in range(w.mask.shape[2]):
            w.mask[to, j, word] = w.mask[source, j, word]


@lean
def column_loss(p: Problem, w: Trial, row: int, j: int, x: int) -> float:
    """Loss in column `j` of the label in `row` once it covers code `x`."""
    if p.kind[j] == INTERVAL:
        low, high = min(w.low[row, j], x), max(w.high[row, j], x)
        return float(p.table[p.table_start[j] + low * p.size[j] + high])
    known = (w.mask[row, j, x >> 6] >> np.uint64(x & 63)) & ONE
    return float(p.set_step[j] * (w.low[row, j] - 1 + (0 if known else 1)))


@lean
def widen_trial(p: Problem, w: Trial, u: int, offers: int) -> None:
    """Widen the label on trial by unit `u`, and bring the losses of the first `offers` up to it."""
    for j in range(p.kind.shape[0]):
        x = p.codes[u, j]
        if p.kind[j] == INTERVAL:
            if w.low[1, j] <= x <= w.high[1, j]:
                continue
            w.low[1, j], w.high[1, j] = min(w.low[1, j], x), max(w.high[1, j], x)
        else:
            if (w.mask[1, j, x >> 6] >> np.uint64(x & 63)) & ONE:
                continue
            w.mask[1, j, x >> 6] |= ONE << np.uint64(x & 63)
            w.low[1, j] += 1
        for i in range(offers):
            now = column_loss(p, w, 1, j, p.codes[w.unit[i], j])
            w.reach[i] += now - w.cost[i, j]
            w.cost[i, j] = now
