"""Finds customers that an experiment lost: sizes of variants that do not fit the declared shares, looked at every day.

Each customer adds (drawn - share) to the score of a variant, and share (1 - share) to its information. Without a fault
the score is a random walk, also over versions with other shares. It is tested at each day's end. The level is spent
by calendar time as level · (day / days)³ (Kim & DeMets 1987, Lan & DeMets 1989), close to O'Brien and Fleming: a gross
fault is found on the first day, and the last day has nearly the power of a single test.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from features.experiment.statistic import Floats
from features.insight.group_size import told_size

LEVEL = 0.01
"""Probability over all days that a sound experiment is called faulty; customary, since the alarm voids the result."""
_POWER = 3
_LEAST_GROWTH = 0.01
"""Growth of the information below which two days are one look: the grid cannot tell them apart."""
_EDGE = 8.0
_NODES = 160


@dataclass(frozen=True)
class Draws:
    """The customers whom one version assigned on one day of the experiment (1, 2, ...), and its shares, by variant."""

    day: int
    counts: Mapping[str, int]
    shares: Mapping[str, float]


def sample_ratio_fault(draws: Iterable[Draws], days: int, level: float = LEVEL) -> str | None:
    """Return the fault of the sizes of the variants; None if they fit the shares on each day until the last draw's.

    Of two variants one is tested, of several each at an equal part of the level.

    Args:
        draws: of each day and version, in any order. A day without new customers may have an empty one, by which
            the look of that day is known.
        days: planned days of the experiment.
        level: see `LEVEL`.
    """
    found = sorted(draws, key=lambda one: one.day)
    names = list(dict.fromkeys(name for one in found for name in one.shares))
    tested = names[1:] if len(names) == 2 else names
    for name in tested:
        walk = [
            (one.day, one.counts.get(name, 0) - share * total, share * (1 - share) * total, total)
            for one in found
            for share, total in [(one.shares.get(name, 0.0), sum(one.counts.values()))]
        ]
        if fault := _fault(name, walk, days, level / len(tested)):
            return fault
    return None


def _fault(name: str, walk: Sequence[tuple[int, float, float, int]], days: int, level: float) -> str | None:
    day = np.array([one[0] for one in walk])
    score, information, total = np.cumsum([one[1:] for one in walk], axis=0).T
    spent = level * np.minimum(day / days, 1) ** _POWER
    looks = _looks(information)
    bounds = spending_bounds(information[looks], spent[looks])
    for look, bound in zip(looks, bounds, strict=True):
        z = score[look] / math.sqrt(information[look])
        if abs(z) > bound:
            share = "fewer" if z < 0 else "more"
            return (
                f"sample-ratio fault: {name} has {abs(score[look]):,.0f} customers {share} than its share of "
                f"{told_size(int(total[look])):,} (z = {z:.1f}, bound {bound:.1f}, day {day[look]})"
            )
    return None


def _looks(information: Floats) -> list[int]:
    """Return the last row of each run of rows among which the information hardly grows."""
    looks: list[int] = []
    first = 0.0
    for row, value in enumerate(information):
        if value > first * (1 + _LEAST_GROWTH):
            looks.append(row)
            first = float(value)
        elif looks:
            looks[-1] = row
    return looks


def spending_bounds(information: Floats, spent: Floats) -> list[float]:
    """Return the bound of |z| at each look at which a probability of `spent` has been used up in all, without a fault.

    A bound depends on the looks up to its own only. By numerical integration of the joint density of the looks
    (Armitage, McPherson & Rowe 1969).

    Args:
        information: variance of the score at each look; each is greater than the one before.
        spent: probability that the score has crossed a bound until then.
    """
    nodes, node_weights = np.polynomial.legendre.leggauss(_NODES)
    grid, density, weights = np.zeros(1), np.ones(1), np.ones(1)
    before, used, bounds = 0.0, 0.0, []
    for now, total in zip(information.tolist(), spent.tolist(), strict=True):
        step, scale = math.sqrt(now - before), math.sqrt(now)

        def excess(
            bound: float, step: float = step, scale: float = scale, wanted: float = total - used,
            mass: Floats = density * weights, grid: Floats = grid,
        ) -> float:  # fmt: skip
            edge = bound * scale
            crossed = ndtr((grid - edge) / step) + ndtr((-edge - grid) / step)
            return float(mass @ crossed) - wanted

        # A look at which almost nothing may be spent has no bound within reach.
        bound = float(brentq(excess, 0.0, 40.0, xtol=1e-6)) if excess(40.0) < 0 else math.inf
        bounds.append(bound)
        edge = min(bound, _EDGE) * scale
        new = nodes * edge
        density = np.exp(-(((new[:, None] - grid[None, :]) / step) ** 2) / 2) @ (density * weights)
        density /= step * math.sqrt(2 * math.pi)
        grid, weights, before, used = new, node_weights * edge, now, total
    return bounds
