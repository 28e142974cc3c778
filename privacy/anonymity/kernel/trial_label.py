"""Scratch arrays of growth by label: the offers of a seed's neighbours, and the trial label."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.compilation import kernel
from privacy.anonymity.kernel.problem import INTERVAL, Problem

ONE = np.uint64(1)


class TrialLabel(NamedTuple):
    """Offers (units with records to give), nearest to the seed first, and the label on trial."""

    unit: NDArray[np.int64]
    code: NDArray[np.int32]
    """(q, offers) codes by column, so that a label that widens updates all offers at once."""
    free: NDArray[np.int64]
    """Unassigned records of each offer."""
    lent: NDArray[np.int64]
    """Records that another class can spare."""
    reach: NDArray[np.float64]
    """(offers,) loss of the trial label once it covers the offer."""
    alone: NDArray[np.float64]
    """(offers,) the same for the starting label."""
    is_covered: NDArray[np.bool_]
    is_tried: NDArray[np.bool_]
    is_inside: NDArray[np.bool_]
    """Whether the best label so far covers the offer."""
    low: NDArray[np.int32]
    high: NDArray[np.int32]
    mask: NDArray[np.uint64]
    """The trial label, in the form of `Classes`."""
    hist: NDArray[np.int64]
    """(2, bins) sensitive values under the trial label: of unassigned records, and with lent ones."""


def new_trial_label(p: Problem) -> TrialLabel:
    """Returns scratch arrays for problem `p`."""
    room = p.neighbour.shape[1] * (2 if len(p.prior) == 0 else 8)
    q = p.codes.shape[1]
    return TrialLabel(
        unit=np.zeros(room, np.int64),
        code=np.zeros((q, room), np.int32),
        free=np.zeros(room, np.int64),
        lent=np.zeros(room, np.int64),
        reach=np.zeros(room),
        alone=np.zeros(room),
        is_covered=np.zeros(room, np.bool_),
        is_tried=np.zeros(room, np.bool_),
        is_inside=np.zeros(room, np.bool_),
        low=np.zeros(q, np.int32),
        high=np.zeros(q, np.int32),
        mask=np.zeros((q, p.words), np.uint64),
        hist=np.zeros((2, len(p.prior)), np.int64),
    )


@kernel
def set_label(w: TrialLabel, low: NDArray[np.int32], high: NDArray[np.int32], mask: NDArray[np.uint64]) -> None:
    """Makes this label the trial label."""
    for j in range(low.shape[0]):
        w.low[j], w.high[j] = low[j], high[j]
        for word in range(mask.shape[1]):
            w.mask[j, word] = mask[j, word]


@kernel
def price_offers(p: Problem, w: TrialLabel, offers: int) -> None:
    """Fills `w.alone`: for each of the first `offers`, the loss of the starting label once widened to cover it."""
    for i in range(offers):
        w.alone[i] = 0.0
    for j in range(p.kind.shape[0]):
        code = w.code[j]
        if p.kind[j] == INTERVAL:
            low, high, size, start = w.low[j], w.high[j], p.size[j], p.table_start[j]
            for i in range(offers):
                w.alone[i] += p.table[start + min(low, code[i]) * size + max(high, code[i])]
        else:
            step, known = p.set_step[j], p.set_step[j] * (w.low[j] - 1)
            for i in range(offers):
                is_known = (w.mask[j, code[i] >> 6] >> np.uint64(code[i] & 63)) & ONE
                w.alone[i] += known if is_known else known + step


@kernel
def widen_trial(p: Problem, w: TrialLabel, offer: int, offers: int) -> None:
    """Widens the trial label by an offer, and updates the losses of the first `offers`."""
    for j in range(p.kind.shape[0]):
        code = w.code[j]
        x = code[offer]
        if p.kind[j] == INTERVAL:
            low, high = w.low[j], w.high[j]
            if low <= x <= high:
                continue
            new_low, new_high = min(low, x), max(high, x)
            w.low[j], w.high[j] = new_low, new_high
            size, start = p.size[j], p.table_start[j]
            for i in range(offers):
                y = code[i]
                after = p.table[start + min(new_low, y) * size + max(new_high, y)]
                w.reach[i] += after - p.table[start + min(low, y) * size + max(high, y)]
        elif not (w.mask[j, x >> 6] >> np.uint64(x & 63)) & ONE:
            w.mask[j, x >> 6] |= ONE << np.uint64(x & 63)
            w.low[j] += 1
            step = p.set_step[j]
            for i in range(offers):
                if code[i] != x:
                    w.reach[i] += step
