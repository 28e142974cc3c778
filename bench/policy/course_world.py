"""A simulated shop in which a list today changes what the customer does at the next visits.

A list of known articles sells now and tires; a list of discoveries sells less now and wakes interest; a cheap list
sells now and teaches the customer to wait for offers. How strongly differs from world to world and is hidden.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.policy.visit_world import ARMS
from features.policy.decision_log import DecisionLog
from features.policy.policy import Policy
from features.policy.propensity import Floats, Ints, draw

TRAITS = 3
_KEPT = 0.7
"""Share of interest and weariness that is left at the next visit."""


@dataclass(frozen=True)
class CourseWorld:
    """Levels and slopes of the purchase, and what each arm does to interest and weariness."""

    levels: Floats
    slopes: Floats
    interest: Floats
    weariness: Floats
    gain: float
    loss: float

    @classmethod
    def draw(cls, rng: np.random.Generator, *, is_null: bool = False) -> CourseWorld:
        """Return a world of hidden effects. In a null world no arm changes anything."""
        width = len(ARMS)
        if is_null:
            zero = np.zeros(width)
            return cls(np.full(width, -1.0), np.zeros((width, TRAITS)), zero, zero, 0.0, 0.0)
        return cls(
            np.array([-0.9, -1.0, -1.1, -1.3]) + rng.normal(0, 0.1, width),
            rng.normal(0, 0.4, (width, TRAITS)),
            np.array([0.0, 0.0, 0.075, 0.2]) * rng.uniform(0.8, 1.2, width),
            np.array([0.2, 0.15, 0.05, 0.0]) * rng.uniform(0.8, 1.2, width),
            rng.uniform(0.8, 1.2),
            rng.uniform(0.8, 1.2),
        )

    def chances(self, traits: Floats, state: Floats) -> Floats:
        """Return the purchase probability of each arm; `state` is interest and weariness."""
        level = self.levels + traits @ self.slopes.T
        return np.asarray(1 / (1 + np.exp(-(level + (self.gain * state[:, :1] - self.loss * state[:, 1:])))))

    def after(self, rng: np.random.Generator, state: Floats, arms: Ints) -> Floats:
        """Return the state at the next visit."""
        raised = np.column_stack([self.interest[arms], self.weariness[arms]])
        return np.asarray(np.clip(_KEPT * state + raised + rng.normal(0, 0.05, state.shape), 0, 3))


def course_log(
    world: CourseWorld, rng: np.random.Generator, customers: int, visits: int, policy: Policy
) -> DecisionLog:
    """Return the log of customers who each visit so often, under a policy; a customer's visits follow each other."""
    traits, state = rng.normal(size=(customers, TRAITS)), rng.uniform(0, 1, (customers, 2))
    contexts, arms, propensities, rewards = [], [], [], []
    for _ in range(visits):
        context = np.hstack([traits, state])
        p = policy.probabilities(context)
        arm = draw(p, rng.random(customers))
        chance = world.chances(traits, state)[np.arange(customers), arm]
        contexts.append(context)
        arms.append(arm)
        propensities.append(p)
        rewards.append((rng.random(customers) < chance).astype(float))
        state = world.after(rng, state, arm)
    order = np.arange(customers * visits).reshape(visits, customers).T.ravel()
    whole = DecisionLog(
        np.tile(np.arange(customers), visits), np.vstack(contexts), np.concatenate(arms), np.vstack(propensities),
        np.concatenate(rewards),
    )  # fmt: skip
    return whole.rows(order)


def true_value(world: CourseWorld, policy: Policy, visits: int, customers: int = 20_000, *, former: int = 0) -> float:
    """Return the mean number of purchases a customer over so many visits; the same customers for every policy.

    `former`: earlier visits at which each arm was chosen alike.
    """
    rng = np.random.default_rng(0)
    traits, state = rng.normal(size=(customers, TRAITS)), rng.uniform(0, 1, (customers, 2))
    for _ in range(former):
        state = world.after(rng, state, rng.integers(0, len(ARMS), customers))
    total = 0.0
    for _ in range(visits):
        arm = draw(policy.probabilities(np.hstack([traits, state])), rng.random(customers))
        total += float(world.chances(traits, state)[np.arange(customers), arm].mean())
        state = world.after(rng, state, arm)
    return total
