"""Learns a policy, and the greedy one that it has to beat, from a log of decisions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.policy.decision_log import DecisionLog
from features.policy.definition import PolicyDefinition
from features.policy.errors import DecisionLogError
from features.policy.estimate import snips
from features.policy.fitted_q import learn_q
from features.policy.policy import Policy, Rule
from features.policy.propensity import Floats, require_calibrated, require_propensities
from features.policy.value_model import Basis, ValueModel, fit_values

FEWEST_CUSTOMERS = 30
"""A policy of fewer customers is not learned: it would say more about each of them than about the next one."""


@dataclass(frozen=True)
class Learned:
    """A policy and the greedy one from the same decisions.

    The greedy one gives everybody the arm of the largest mean reward. With several steps it gives each customer the arm
    of the largest reward at this step.
    """

    policy: Policy
    greedy: Policy


def learn(definition: PolicyDefinition, log: DecisionLog) -> Learned:
    """Return what the definition's learner makes of decisions.

    Raises:
        DecisionLogError: they are of too few customers, or their propensities are not those of the draws.
    """
    customers = len(np.unique(log.customers))
    if customers < FEWEST_CUSTOMERS:
        raise DecisionLogError(
            f"decisions of {customers} customers to learn from; at least {FEWEST_CUSTOMERS} are needed"
        )
    require_propensities(log.propensities, definition.least_propensity)
    require_calibrated(log.contexts, log.arms, log.propensities)
    width, floor = len(definition.arms), definition.least_propensity
    if definition.learner == "fitted_q":
        return Learned(learn_q(log, definition.steps, floor), learn_q(log, 1, floor))
    basis = Basis.of(log.contexts, squares=False)
    model = fit_values(basis, log.contexts, log.arms, log.rewards, width)
    policy = Policy(Rule(definition.learner), width, floor, definition.exploration, model)
    return Learned(policy, Policy(Rule.FITTED_Q, width, floor, model=_constant(basis, arm_means(log))))


def arm_means(log: DecisionLog) -> Floats:
    """Return the estimated mean reward of each arm, had everybody got it; that of all for an arm without decisions."""
    width = log.propensities.shape[1]
    drawn = np.unique(log.arms)
    return np.array([
        snips(log, np.tile(np.eye(width)[arm], (len(log), 1))).value if arm in drawn else float(log.rewards.mean())
        for arm in range(width)
    ])  # fmt: skip


def _constant(basis: Basis, means: Floats) -> ValueModel:
    size = 1 + len(basis.mean)
    weights = np.zeros((len(means), size))
    weights[:, 0] = means
    return ValueModel(basis, weights, np.empty(0))
