"""Fitted Q iteration: the expected sum of the rewards of the next steps, for each context and arm.

    Q₁(s, a) = E[r | s, a]        Q_h(s, a) = E[r + Σ_b π(b | s′) · Q_{h−1}(s′, b) | s, a]

where: s is the context, s′ that of the next decision about the same customer, r the reward, and π the policy that is
served. Learning takes the best arm of Q_{h−1} with the floor as π; an evaluation takes a given policy (Ernst, Geurts
and Wehenkel 2005, JMLR 6; Le, Voloshin and Yue 2019). A decision that no other follows teaches Q₁ only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from features.policy.decision_log import DecisionLog
from features.policy.policy import Policy, Rule
from features.policy.propensity import Floats, best_arm, with_floor
from features.policy.value_model import Basis, ValueModel, fit_values


def fit_q(log: DecisionLog, steps: int, following: Callable[[Floats, Floats], Floats]) -> list[ValueModel]:
    """Return Q₁ … Q_steps.

    `following` returns the probability of each arm, given the next contexts and the values of the arms there.
    """
    width = log.propensities.shape[1]
    basis = Basis.of(log.contexts, squares=True)
    models = [fit_values(basis, log.contexts, log.arms, log.rewards, width)]
    known = log.has_next
    now = log.rows(known)
    later = log.contexts[known.nonzero()[0] + 1]
    for _ in range(steps - 1):
        values = models[-1].means(later)
        targets = now.rewards + (following(later, values) * values).sum(axis=1)
        models.append(fit_values(basis, now.contexts, now.arms, targets, width))
    return models


def learn_q(log: DecisionLog, steps: int, floor: float) -> Policy:
    """Return the policy of the best arm by Q_steps. With one step it is greedy: it looks at the next reward alone."""
    models = fit_q(log, steps, lambda _, values: with_floor(best_arm(values), floor))
    kept = replace(models[-1], covariances=np.empty(0))
    return Policy(Rule.FITTED_Q, log.propensities.shape[1], floor, model=kept)


def evaluate_q(log: DecisionLog, steps: int, policy: Policy) -> list[ValueModel]:
    """Return Q₁ … Q_steps of a given policy."""
    return fit_q(log, steps, lambda contexts, _: policy.probabilities(contexts))
