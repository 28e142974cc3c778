"""What a policy is worth, estimated from decisions of another one, with intervals over customers.

With π the target, p the propensities of the log, w = π(a|x) / p(a|x) and q(x, a) a model of the reward:

    SNIPS  Σ w·r / Σ w                                        (Swaminathan and Joachims 2015)
    DR     mean of Σ_b π(b|x)·q(x, b) + w·(r − q(x, a))        (Dudík, Langford and Li 2011)

Decisions of one customer depend on each other, so the standard error is that of customers' sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from features.policy.decision_log import DecisionLog
from features.policy.propensity import Floats, Ints
from features.policy.value_model import Basis, fit_values

LEVEL = 0.95
_FOLDS = 5


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval; `effective` is the effective number of units, see `effective_size`."""

    value: float
    low: float
    high: float
    effective: float


def effective_size(weights: Floats) -> float:
    """Return (Σ|w|)² / Σw²: as many equal weights would be as certain (Kish 1965).

    >>> effective_size(np.array([1.0, 1.0, 0.0, 0.0]))
    2.0
    """
    total = float(np.square(weights).sum())
    return float(np.abs(weights).sum()) ** 2 / total if total > 0 else 0.0


def importance(log: DecisionLog, target: Floats) -> Floats:
    """Return the weight w of each decision, given the target's probabilities."""
    rows = np.arange(len(log))
    return np.asarray(target[rows, log.arms] / log.propensities[rows, log.arms])


def snips(log: DecisionLog, target: Floats) -> Estimate:
    """Return the self-normalised estimate of the target's reward a decision."""
    weights = importance(log, target)
    value = float((weights * log.rewards).sum() / weights.sum())
    return _around(value, weights * (log.rewards - value), log.customers, weights.mean() * len(log), weights)


def doubly_robust(log: DecisionLog, target: Floats, rewards: Floats) -> Estimate:
    """Return the doubly robust estimate of the target's reward a decision.

    `rewards`: the model's reward of each arm, one row a decision, by a model that was not fitted on these customers,
    such as `cross_fitted`.
    """
    return mean_of(robust_terms(log, target, rewards), log.customers, importance(log, target))


def robust_terms(log: DecisionLog, target: Floats, rewards: Floats) -> Floats:
    """Return the term of each decision whose mean is the doubly robust estimate."""
    taken = rewards[np.arange(len(log)), log.arms]
    return np.asarray((target * rewards).sum(axis=1) + importance(log, target) * (log.rewards - taken))


def mean_of(terms: Floats, customers: Ints, weights: Floats) -> Estimate:
    """Return the mean of terms with its interval over customers. `weights` state the effective size."""
    value = float(terms.mean())
    return _around(value, terms - value, customers, len(terms), weights)


def cross_fitted(log: DecisionLog) -> Floats:
    """Return the reward of each arm by regressions of five folds: no customer's reward is in its own prediction."""
    folds = log.customers % _FOLDS
    found = np.empty_like(log.propensities)
    for fold in range(_FOLDS):
        rest = log.rows(folds != fold)
        model = fit_values(
            Basis.of(rest.contexts, squares=False), rest.contexts, rest.arms, rest.rewards, found.shape[1]
        )
        found[folds == fold] = model.means(log.contexts[folds == fold])
    return found


def _around(value: float, deviations: Floats, customers: Ints, total: float, weights: Floats) -> Estimate:
    _, unit = np.unique(customers, return_inverse=True)
    sums = np.asarray(np.bincount(unit, deviations), np.float64)
    count, effective = len(sums), effective_size(weights)
    error = float(np.sqrt(count / max(count - 1, 1) * np.square(sums).sum())) / total
    # Student's t: few decisions carry a heavily weighted estimate, however long the log is.
    freedom = max(min(count, effective_size(sums)) - 1, 1.0)
    radius = float(stdtrit(freedom, (1 + LEVEL) / 2)) * error
    return Estimate(value, value - radius, value + radius, effective)
