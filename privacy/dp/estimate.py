"""Computes counts, sums, means, variances and quantiles with their margins from noisy whole numbers.

No function here gets exact data, so none costs privacy (post-processing).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from privacy.dp.fixed_point import FixedPoint


@dataclass(frozen=True)
class Noisy:
    """A noisy number and the standard deviation of its noise."""

    value: float
    scale: float


@dataclass(frozen=True)
class Figure:
    """A number and half the width of its confidence interval; None if the noise is too large for an estimate."""

    value: float | None
    margin: float | None


UNKNOWN = Figure(None, None)


def z_of(confidence: float) -> float:
    """Return half the width, in standard deviations, of a two-sided normal interval of this confidence."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def plain(number: Noisy, z: float) -> Figure:
    """Return a noisy count with its margin z·σ."""
    return Figure(number.value, z * number.scale)


def total(form: FixedPoint, rows: Noisy, steps: Noisy, z: float) -> Figure:
    """Return a sum: steps·resolution + centre·rows. The noises of both are independent."""
    scale = math.hypot(steps.scale * form.resolution, rows.scale * form.centre)
    return Figure(form.value(steps.value, rows.value), z * scale)


def mean(form: FixedPoint, rows: Noisy, steps: Noisy, z: float) -> Figure:
    """Return a mean, clipped to the bounds. Margin by the delta method: √(σ_s² + (m − centre)²·σ_n²)/n.

    None if the number of rows is not clearly above its noise.
    """
    if rows.value <= z * rows.scale or rows.value < 1:
        return UNKNOWN
    offset = steps.value * form.resolution / rows.value
    offset = max(-form.half * form.resolution, min(form.half * form.resolution, offset))
    margin = z * math.hypot(steps.scale * form.resolution, offset * rows.scale) / rows.value
    return Figure(form.centre + offset, margin)


def variance(form: FixedPoint, rows: Noisy, steps: Noisy, squares: Noisy, z: float) -> Figure:
    """Return a variance: mean squared distance from the centre − (mean − centre)², at least 0.

    Margin by the delta method. None if the number of rows is not clearly above its noise.
    """
    centre = mean(form, rows, steps, z)
    if centre.value is None or centre.margin is None:
        return UNKNOWN
    mean_square = form.squares(squares.value, rows.value) / rows.value
    offset = centre.value - form.centre
    square_scale = squares.scale * form.square_step * form.resolution**2 / rows.value
    count_scale = rows.scale * abs(mean_square) / rows.value
    margin = math.hypot(z * square_scale, z * count_scale, 2 * abs(offset) * centre.margin)
    return Figure(max(0.0, mean_square - offset**2), margin)


def quantile(lower: float, upper: float, bins: Sequence[float], scale: float, alpha: float, z: float) -> Figure:
    """Return a quantile, interpolated within noisy bin counts. Margin from the ranks within z·σ·√bins/2.

    None if the number of rows is not clearly above its noise.
    """
    counts = [max(0.0, count) for count in bins]
    size = sum(counts)
    if size <= z * scale * math.sqrt(len(bins)):
        return UNKNOWN
    width = (upper - lower) / len(bins)

    def at(rank: float) -> float:
        below = 0.0
        for place, count in enumerate(counts):
            if below + count >= rank and count > 0:
                return lower + (place + max(0.0, rank - below) / count) * width
            below += count
        return upper

    slack = z * scale * math.sqrt(len(bins)) / 2
    ends = at(max(0.0, alpha * size - slack)), at(min(size, alpha * size + slack))
    return Figure(at(alpha * size), max(width / 2, (ends[1] - ends[0]) / 2))


def agree(
    levels: Sequence[dict[tuple[str, ...], float]], variance_ratio: Sequence[float]
) -> list[dict[tuple[str, ...], float]]:
    """Change a tree of noisy counts in place, so that each parent equals the sum of its children.

    Going up, a node's own count and its children's sum are averaged, weighted by the inverse of their variances. Going
    down, the difference between a parent and its children's sum is spread over the children in proportion to their
    variances (Hay et al. 2010, for trees with one variance per level).

    Args:
        levels: counts by group, from the total to the finest level.
        variance_ratio: variance of the noise of each level.

    Returns:
        The variance of each count after going up. Going down can only reduce it.

    >>> tree = [{(): 10.0}, {("a",): 3.0, ("b",): 5.0}]
    >>> variances = agree(tree, [1.0, 1.0])
    >>> round(tree[0][()], 3) == round(sum(tree[1].values()), 3)
    True
    """
    variances = [dict.fromkeys(level, ratio) for level, ratio in zip(levels, variance_ratio, strict=True)]
    families = [_families(level) for level in levels[1:]]
    for depth in range(len(levels) - 2, -1, -1):
        for node, children in families[depth].items():
            below = sum(levels[depth + 1][child] for child in children)
            spread = sum(variances[depth + 1][child] for child in children)
            own = variances[depth][node]
            levels[depth][node] = (levels[depth][node] * spread + below * own) / (own + spread)
            variances[depth][node] = own * spread / (own + spread)
    for depth, family in enumerate(families):
        for node, children in family.items():
            spread = sum(variances[depth + 1][child] for child in children)
            rest = levels[depth][node] - sum(levels[depth + 1][child] for child in children)
            for child in children:
                levels[depth + 1][child] += rest * variances[depth + 1][child] / spread
    return variances


def _families(level: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    families: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for child in level:
        families.setdefault(child[:-1], []).append(child)
    return families
