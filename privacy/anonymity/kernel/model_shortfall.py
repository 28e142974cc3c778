"""Checks whether a class satisfies the models, and estimates how many records it lacks.

The formulas are those of `privacy.anonymity.spec.model`, restated for compiled code over one histogram.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.compilation import kernel
from privacy.anonymity.kernel.problem import Problem

(
    K_ANONYMITY,
    DISTINCT_L,
    ENTROPY_L,
    RECURSIVE_L,
    T_EQUAL,
    T_ORDERED,
    T_HIERARCHICAL,
    DELTA_DISCLOSURE,
    BASIC_BETA,
    ENHANCED_BETA,
    ALPHA,
) = range(11)

TOLERANCE = 1e-9
SHARE_SCALE = 20.0
"""Converts a distance between distributions into roughly the number of records that would close it."""


@kernel
def emd_equal(hist: NDArray[np.int64], n: float, prior: NDArray[np.float64], lo: int, hi: int) -> float:
    """Returns the total variation distance between the distribution of a class and that of the table."""
    total = 0.0
    for s in range(lo, hi):
        total += abs(hist[s] / n - prior[s])
    return 0.5 * total


@kernel
def emd_ordered(hist: NDArray[np.int64], n: float, prior: NDArray[np.float64], lo: int, hi: int) -> float:
    """Returns the earth mover's distance where neighbouring values are 1 / (values - 1) apart."""
    total, running = 0.0, 0.0
    for s in range(lo, hi):
        running += hist[s] / n - prior[s]
        total += abs(running)
    return total / max(hi - lo - 1, 1)


@kernel
def emd_hierarchical(
    hist: NDArray[np.int64], n: float, prior: NDArray[np.float64], lo: int, hi: int, ground: NDArray[np.int32]
) -> float:
    """Returns the earth mover's distance where two values are (height of their lowest common ancestor) / (height)
    apart.

    Mass that a node cannot match inside moves up. Each level that it crosses costs 1 / height, half of it on each side
    of the move.
    """
    levels = ground.shape[0]
    total = 0.0
    for level in range(levels):
        for g in range(hi - lo):
            spill = 0.0
            for s in range(lo, hi):
                if ground[level, s] == g:
                    spill += hist[s] / n - prior[s]
            total += abs(spill)
    return float(0.5 * total / max(levels, 1))


@kernel
def _largest(hist: NDArray[np.int64], lo: int, hi: int) -> int:
    most = 0
    for s in range(lo, hi):
        most = max(most, hist[s])
    return int(most)


@kernel
def _tail(hist: NDArray[np.int64], lo: int, hi: int, rank: int) -> float:
    """Returns the sum of the counts from the `rank`-th largest on."""
    total = 0.0
    for s in range(lo, hi):
        before = 0
        for other in range(lo, hi):
            if hist[other] > hist[s] or (hist[other] == hist[s] and other < s):
                before += 1
        if before >= rank - 1:
            total += hist[s]
    return total


@kernel
def model_shortfall(p: Problem, r: int, hist: NDArray[np.int64], people: int) -> float:
    """Returns 0 when model `r` holds for the class, else about how many records it lacks."""
    kind = p.model_kind[r]
    a, b = p.model_number[r, 0], p.model_number[r, 1]
    lo, hi = p.model_bins[r, 0], p.model_bins[r, 1]
    if kind == K_ANONYMITY:
        return max(0.0, float(a - people))
    if people == 0:
        return float(1.0 + a)
    n = float(people)
    if kind == DISTINCT_L:
        present = 0
        for s in range(lo, hi):
            if hist[s] > 0:
                present += 1
        return max(0.0, float(a - present))
    if kind == ENTROPY_L:
        entropy = 0.0
        for s in range(lo, hi):
            if hist[s] > 0:
                entropy -= hist[s] / n * math.log(hist[s] / n)
        short = a - math.exp(entropy)
        return float(short) if short > TOLERANCE else 0.0
    if kind == RECURSIVE_L:
        short = _largest(hist, lo, hi) - a * _tail(hist, lo, hi, int(b))
        return 0.0 if short < 0 else float((short + 1.0) / a)
    if kind in (T_EQUAL, T_ORDERED, T_HIERARCHICAL):
        if kind == T_EQUAL:
            distance = emd_equal(hist, n, p.prior, lo, hi)
        elif kind == T_ORDERED:
            distance = emd_ordered(hist, n, p.prior, lo, hi)
        else:
            distance = emd_hierarchical(hist, n, p.prior, lo, hi, p.ground[r])
        return float((distance - a) * SHARE_SCALE) if distance > a + TOLERANCE else 0.0
    short = 0.0
    for s in range(lo, hi):
        share, base = hist[s] / n, p.prior[s]
        if kind == ALPHA:
            over = share - a
        elif base == 0.0:
            over = share
        elif kind == DELTA_DISCLOSURE:
            over = abs(math.log(share / base)) - a if share > 0 else 10.0 + a
            over = over if over > -TOLERANCE else 0.0
        elif kind == BASIC_BETA:
            over = share - base * (1 + a)
        else:
            over = share - base * (1 + min(a, -math.log(base)))
        if over > TOLERANCE or (kind == DELTA_DISCLOSURE and over != 0.0):
            short += max(over, TOLERANCE) * SHARE_SCALE
    return float(short)


@kernel
def shortfall(p: Problem, hist: NDArray[np.int64], people: int) -> float:
    """Returns the sum of the models' shortfalls. It is 0 exactly when the class satisfies all of them."""
    total = 0.0
    for r in range(p.model_kind.shape[0]):
        total += model_shortfall(p, r, hist, people)
    return total
