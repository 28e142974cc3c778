"""From a question to noise: which whole-number vectors are released, their sensitivities, their shares of ρ.

Known before any row is read, so cost and expected error can be shown for nothing.
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
    """One vector over the groups: `name` of the aggregate's column, ℓ₂ sensitivity, share of ρ."""

    name: str
    l2_sensitivity: float
    rho: float

    @property
    def scale(self) -> float:
        """σ of its noise, in whole steps."""
        return gaussian_scale(self.l2_sensitivity, self.rho)


@dataclass(frozen=True)
class NoisePlan:
    """What a question will release. ρ is shared equally between the vectors (zCDP adds up)."""

    question: Question

    @cached_property
    def bounds(self) -> ContributionBounds:
        """Bounds of one customer's contribution."""
        return self.question.contribution()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The vectors needed: a mean takes `n` and `s`, and a sum then comes from both for nothing more."""
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
        """How many keys each released level groups by; one level without a rollup."""
        keys = len(self.question.group_by)
        return tuple(range(keys + 1)) if self.question.rollup else (keys,)

    @cached_property
    def share(self) -> float:
        """ρ of each vector, rounded down so that all shares together never pass the question's ρ."""
        parts = len(self.names) * len(self.levels) + (1 if self.question.is_private else 0)
        most = exact(self.question.rho) / parts
        share = float(most)
        return share if Fraction(share) <= most else math.nextafter(share, 0)

    @property
    def cost(self) -> Cost:
        """What the ledger is charged: the question's ρ, and its δ where keys are private."""
        return cost_of_rho(self.question.rho, self.question.delta if self.question.is_private else 0)

    def vector(self, name: str, level: int | None = None) -> NoisyVector:
        """The vector of that aggregate at a level (the finest unless told)."""
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
