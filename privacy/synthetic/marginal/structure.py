"""Chooses the pairs of columns that a model relates, from noisy marginals only, so the choice costs no budget."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from privacy.synthetic.marginal.measurement import Clique, Measured, Measurement

if TYPE_CHECKING:
    from mbi import Domain

MOST_MEGABYTES = 1.5
"""Size of the model's cliques. Larger ones relate more pairs exactly, and take longer to fit than they gain."""
CHANCE_DEVIATIONS = 1.0
"""A distance so many deviations above the expected one is hardly chance: 1 of 6 independent pairs has it."""


def choose_pairs(measured: Measured, domain: Domain, megabytes: float = MOST_MEGABYTES) -> list[Clique]:
    """Return the pairs with the strongest dependence that fit into a junction tree of this size.

    The dependence of a pair is the distance of its noisy counts from those of independent columns, less the distance
    that chance would make. So independent columns are seldom related.
    """
    from mbi.junction_tree import hypothetical_model_size

    singles: list[Clique] = [(name,) for name in measured.sizes]
    strength = {pair.clique: _dependence(pair, measured) for pair in measured.pairs}
    chosen: list[Clique] = []
    for pair in sorted(strength, key=lambda pair: -strength[pair]):
        if strength[pair] > 0 and hypothetical_model_size(domain, [*chosen, pair, *singles]) <= megabytes:
            chosen.append(pair)
    return chosen


def _dependence(pair: Measurement, measured: Measured) -> float:
    first, second = (_shares(measured.singles[name]) for name in pair.clique)
    independent = np.outer(first, second).ravel() * max(1.0, measured.total)
    # Of independent columns, a count with expectation e varies by √e among tables, and by σ among measurements.
    variance = independent + pair.scale**2
    expected = math.sqrt(2 / math.pi) * np.sqrt(variance).sum()
    deviation = math.sqrt((1 - 2 / math.pi) * variance.sum())
    return float(np.abs(pair.counts - independent).sum() - expected - CHANCE_DEVIATIONS * deviation)


def _shares(single: Measurement) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    positive = np.clip(single.counts, 0, None)
    total = positive.sum()
    return positive / total if total > 0 else np.full(len(positive), 1 / len(positive))
