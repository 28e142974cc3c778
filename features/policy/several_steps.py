"""What a policy is worth over several steps, estimated from decisions of another one.

Products of weights over the steps would need tens of thousands of customers. The context says what matters about the
past, so the weight of the past is replaced by its mean, given the context (Kallus and Uehara 2020, JMLR 21):

    ρ_t = π(a_t|s_t) / p(a_t|s_t)        μ_t = W_t(s_t) · ρ_t
    W_1 = 1                              W_t(s) = E[μ_{t−1} | s_t = s]
    value = mean of Σ_t  μ_t · (r_t − q_t(s_t, a_t)) + μ_{t−1} · Σ_b π(b|s_t) · q_t(s_t, b)        with μ_0 = 1

where: s, a, r and p are context, arm, reward and propensities of the log, π is the target, and q_t its expected sum of
the rewards from step t on. The mean is right if W or q is right, and the context holds what matters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.policy.decision_log import DecisionLog
from features.policy.estimate import importance
from features.policy.fitted_q import evaluate_q
from features.policy.policy import Policy
from features.policy.propensity import Floats, Ints
from features.policy.value_model import RIDGE, Basis, ValueModel


@dataclass(frozen=True)
class StepModels:
    """Models of a policy over several steps, from decisions of one half of the customers.

    Attributes:
        values: Q₁ … Q_steps.
        basis: columns of the regressions of W.
        pasts: coefficients of W₂ … W_steps.
    """

    values: list[ValueModel]
    basis: Basis
    pasts: list[Floats]


def fit_steps(log: DecisionLog, steps: int, policy: Policy) -> StepModels:
    """Return the models of a policy over so many steps."""
    blocks, basis = log.blocks(steps), Basis.of(log.contexts, squares=True)
    ratios = importance(log, policy.probabilities(log.contexts))[blocks]
    weights, pasts = ratios[:, 0], []
    for step in range(1, steps):
        columns = basis.columns(log.contexts[blocks[:, step]])
        flat = np.eye(columns.shape[1])
        # Shrunk towards 1: without news the past weighs the same for everybody.
        past = flat[0] + np.linalg.solve(columns.T @ columns + RIDGE * flat, columns.T @ (weights - 1))
        pasts.append(past)
        weights = np.maximum(columns @ past, 0.0) * ratios[:, step]
    return StepModels(evaluate_q(log, steps, policy), basis, pasts)


def robust_blocks(log: DecisionLog, blocks: Ints, target: Floats, models: StepModels) -> tuple[Floats, Floats]:
    """Return the term of each block, whose mean is the value of the target, and the weight μ of each decision.

    Args:
        log: decisions of customers on whom the models were not fitted.
        blocks: rows of decisions that follow each other, see `DecisionLog.blocks`.
        target: the target's probabilities, one row a decision of the log.
        models: models of the target.
    """
    ratios = importance(log, target)[blocks]
    weights, terms, former = np.empty(blocks.shape), np.zeros(len(blocks)), np.ones(len(blocks))
    for step in range(blocks.shape[1]):
        rows = blocks[:, step]
        contexts = log.contexts[rows]
        past = np.maximum(models.basis.columns(contexts) @ models.pasts[step - 1], 0.0) if step else former
        values = models.values[-1 - step].means(contexts)
        taken = values[np.arange(len(rows)), log.arms[rows]]
        weights[:, step] = past * ratios[:, step]
        terms += weights[:, step] * (log.rewards[rows] - taken) + former * (target[rows] * values).sum(axis=1)
        former = weights[:, step]
    return terms, weights
