"""Plans the noise of a question: lists the vectors that are released, each with its sensitivity and share of ρ.

The plan needs no rows, so cost and expected error can be shown without spending budget.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from privacy.dp.cost import Cost, cost_of_rho, exact
from privacy.dp.fixed_point import FixedPoint
from privacy.dp.mechanism import gaussian_scale
from privacy.dp.question import Question
from privacy.dp.sensitivity import ContributionBounds


@dataclass(frozen=True)
class NoisyVector:
    """One vector of noisy numbers, one number per group. `name`: the column of `bounded.aggregate`."""

    name: str
    l2_sensitivity: float
    rho: float

    @property
    def scale(self) -> float:
        """Standard deviation σ of the noise, in whole steps."""
        return gaussian_scale(self.l2_sensitivity, self.rho)


@dataclass(frozen=True)
class NoisePlan:
    """The vectors that a question will release. They share ρ equally, because costs in zCDP add up."""

    question: Question

    @cached_property
    def bounds(self) -> ContributionBounds:
        """The bounds of one customer's contribution."""
        return self.question.contribution()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the vectors needed. A mean needs `n` and `s`; a sum comes from the same two at no further cost."""
        wanted = set(self.question.statistics)
        names = [
            ("customers", "customers" in wanted),
            ("n", bool(wanted & {"count", "sum", "mean", "variance"})),
            ("s", bool(wanted & {"sum", "mean", "variance"})),
            ("q", "variance" in wanted),
            ("bins", "quantiles" in wanted),
        ]
        return tuple(name for name, is_needed in names if is_needed)

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """The number of keys of each level; a single level unless the question is a rollup."""
        keys = len(self.question.group_by)
        return tuple(range(keys + 1)) if self.question.rollup else (keys,)

    @cached_property
    def share(self) -> float:
        """ρ of each vector, rounded down so that the sum of all shares never exceeds the question's ρ."""
        parts = len(self.names) * len(self.levels) + (1 if self.question.is_private else 0)
        most = exact(self.question.rho) / parts
        share = float(most)
        return share if Fraction(share) <= most else math.nextafter(share, 0)

    @property
    def cost(self) -> Cost:
        """The cost that the ledger debits: the question's ρ, and its δ if keys are private."""
        return cost_of_rho(self.question.rho, self.question.delta if self.question.is_private else 0)

    def vector(self, name: str, level: int | None = None) -> NoisyVector:
        """Return the vector of an aggregate at a rollup level; None takes the finest level."""
        is_finest = level is None or level == len(self.question.group_by)
        bounds = self.bounds if is_finest else self.bounds.coarser()
        weight = 1
        if name == "bins":
            bounds = self.question.bin_contribution()
        elif name == "customers":
            # Each customer counts once in each of at most L0 groups.
            bounds = ContributionBounds(self.bounds.groups, self.bounds.groups, 1)
        elif name in ("s", "q"):
            assert self.question.measure is not None
            form = FixedPoint(self.question.measure)
            weight = form.half if name == "s" else form.square_half
        sensitivity = bounds.l2 * weight
        return NoisyVector(name, math.nextafter(sensitivity, math.inf) if weight > 1 else sensitivity, self.share)
