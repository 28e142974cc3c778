"""A simulated shop with a known truth: each visit shows one of four kinds of list, and a purchase follows or not.

Only this package knows the truth. The product gets contexts, arms, propensities and rewards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.policy.decision_log import DecisionLog
from features.policy.policy import Policy
from features.policy.propensity import Floats, draw

ARMS = ("relevance", "thrifty", "balanced", "discovery")
TRAITS = 5
_NOISE = 0.15
"""Standard deviation of a trait as the shop sees it at a visit."""


def _logistic(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-values)))


@dataclass(frozen=True)
class VisitWorld:
    """Independent visits. The purchase probability of each arm is logistic in the customer's traits.

    `slopes` of a null world are 0 and its `levels` are equal: no policy is better than another.
    """

    levels: Floats
    slopes: Floats
    temper: float

    @classmethod
    def draw(cls, rng: np.random.Generator, *, is_null: bool = False) -> VisitWorld:
        """Return a world of hidden levels and slopes."""
        width = len(ARMS)
        if is_null:
            return cls(np.full(width, rng.uniform(-3, -1)), np.zeros((width, TRAITS)), 0.5)
        return cls(rng.normal(-2.2, 0.2, width), rng.normal(0, 0.8, (width, TRAITS)), 0.3)

    def people(self, rng: np.random.Generator, count: int) -> tuple[Floats, Floats]:
        """Return the traits of customers, and how readily each buys, which no context shows."""
        return rng.normal(size=(count, TRAITS)), rng.normal(0, self.temper, count)

    def contexts(self, rng: np.random.Generator, traits: Floats) -> Floats:
        """Return the contexts of one visit of each customer: the traits as the shop knows them that day."""
        return np.asarray(traits + rng.normal(0, _NOISE, traits.shape))

    def chances(self, traits: Floats, temper: Floats) -> Floats:
        """Return the purchase probability of each arm."""
        return _logistic(self.levels + traits @ self.slopes.T + temper[:, None])


def visit_log(
    world: VisitWorld, rng: np.random.Generator, customers: int, visits: int, policy: Policy
) -> tuple[DecisionLog, Floats]:
    """Return the log of visits under a policy, and the true purchase probability of each arm."""
    traits, temper = world.people(rng, customers)
    unit = np.repeat(np.arange(customers), visits)
    contexts, chances = world.contexts(rng, traits[unit]), world.chances(traits[unit], temper[unit])
    propensities = policy.probabilities(contexts)
    arms = draw(propensities, rng.random(len(unit)))
    rewards = (rng.random(len(unit)) < chances[np.arange(len(unit)), arms]).astype(float)
    return DecisionLog(unit, contexts, arms, propensities, rewards), chances
