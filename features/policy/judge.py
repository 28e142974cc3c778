"""Judges a learned policy on customers whom it was not learned from: better, worse or undecided, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from features.policy.decision_log import DecisionLog
from features.policy.errors import DecisionLogError
from features.policy.estimate import (
    Estimate,
    effective_size,
    importance,
    mean_of,
    robust_terms,
)
from features.policy.learning import Learned
from features.policy.propensity import Floats, Ints, require_calibrated, require_propensities
from features.policy.several_steps import fit_steps, robust_blocks
from features.policy.value_model import Basis, fit_values

FEWEST_EFFECTIVE = 200
"""Least effective number of decisions, and of decisions weighted by their reward: fewer decide nothing."""

FEWEST_CUSTOMERS = 50
"""Least effective number of customers: the standard error is that of customers' sums."""
LEAST_TARGET = 0.001
"""Least probability of each arm of a version, as `PolicyDefinition` demands it."""


class Answer(StrEnum):
    """What the decisions of the other half say about a learned policy."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Verdict:
    """The answer with its reason.

    Attributes:
        customers, decisions: what was judged.
        effective: effective number of decisions, by weight and by weight and reward: the least of all compared.
        logged, policy, greedy: reward a decision, or a block of several steps; None where nothing could be estimated.
        over_logged, over_greedy: how much more the policy is worth, with the intervals that decide.
    """

    answer: Answer
    reason: str
    customers: int
    decisions: int
    effective: float = 0.0
    logged: Estimate | None = None
    policy: Estimate | None = None
    greedy: Estimate | None = None
    over_logged: Estimate | None = None
    over_greedy: Estimate | None = None

    @property
    def is_spent(self) -> bool:
        """Whether the decisions were compared, so that they must not be judged again."""
        return self.over_logged is not None


@dataclass(frozen=True)
class _Terms:
    """Units of the comparison, which are decisions or blocks of several steps, and the weights of their decisions."""

    customers: Ints
    rewards: Floats
    policy: Floats
    greedy: Floats
    weights: tuple[Floats, Floats]
    weighted_rewards: tuple[Floats, Floats]


def judge(learned: Learned, steps: int, from_log: DecisionLog, log: DecisionLog) -> Verdict:
    """Return the verdict about a policy.

    It is better only if both intervals of the difference, to the log and to the greedy policy, lie above 0.

    Args:
        learned: the policy and the greedy one, learned from `from_log`.
        steps: decisions whose rewards count together.
        from_log: decisions of one half of the customers; models of the reward are fitted on it.
        log: decisions of the other half.
    """
    customers = len(np.unique(log.customers))
    targets = [one.probabilities(log.contexts) for one in (learned.policy, learned.greedy)]
    try:
        _require_log(from_log, log, targets, learned.policy.floor)
        terms = _terms(learned, targets, steps, from_log, log)
        effective = _effective(terms)
    except DecisionLogError as error:
        return Verdict(Answer.UNDECIDED, str(error), customers, len(log))
    first, second = terms.weights
    over_logged = mean_of(terms.policy - terms.rewards, terms.customers, first)
    over_greedy = mean_of(terms.policy - terms.greedy, terms.customers, first)
    answer, reason = _answer(over_logged, over_greedy)
    return Verdict(
        answer, reason, customers, len(log), effective,
        logged=mean_of(terms.rewards, terms.customers, np.ones(len(first))),
        policy=mean_of(terms.policy, terms.customers, first),
        greedy=mean_of(terms.greedy, terms.customers, second),
        over_logged=over_logged, over_greedy=over_greedy,
    )  # fmt: skip


def _require_log(from_log: DecisionLog, log: DecisionLog, targets: Sequence[Floats], floor: float) -> None:
    if not len(log) or not len(from_log):
        raise DecisionLogError("no decisions to judge")
    require_propensities(log.propensities, floor)
    require_calibrated(log.contexts, log.arms, log.propensities)
    lowest = min(float(one.min()) for one in targets)
    if lowest < max(floor, LEAST_TARGET) * (1 - 1e-9):
        raise DecisionLogError(
            f"a deterministic target: an arm has a probability of {lowest:g}, so decisions of it could never be "
            "judged again; set least_propensity"
        )


def _terms(learned: Learned, targets: Sequence[Floats], steps: int, from_log: DecisionLog, log: DecisionLog) -> _Terms:
    if steps > 1:
        blocks = log.blocks(steps)
        if not len(blocks):
            raise DecisionLogError(f"no customer with {steps} decisions")
        first, second = (
            robust_blocks(log, blocks, target, fit_steps(from_log, steps, one))
            for target, one in zip(targets, (learned.policy, learned.greedy), strict=True)
        )
        rewards, customers = log.rewards[blocks], log.customers[blocks[:, 0]]
        both = first[1], second[1]
        return _Terms(customers, rewards.sum(axis=1), first[0], second[0], both, (both[0] * rewards, both[1] * rewards))
    basis, width = Basis.of(from_log.contexts, squares=False), log.propensities.shape[1]
    model = fit_values(basis, from_log.contexts, from_log.arms, from_log.rewards, width).means(log.contexts)
    ours, greedy = (robust_terms(log, target, model) for target in targets)
    both = importance(log, targets[0]), importance(log, targets[1])
    return _Terms(log.customers, log.rewards, ours, greedy, both, (both[0] * log.rewards, both[1] * log.rewards))


def _effective(terms: _Terms) -> float:
    _, unit = np.unique(terms.customers, return_inverse=True)
    people = tuple(
        np.asarray(np.bincount(unit, one.reshape(len(unit), -1).sum(axis=1)), np.float64) for one in terms.weights
    )
    counted: dict[str, tuple[Sequence[Floats], int]] = {
        "customers": (people, FEWEST_CUSTOMERS),
        "decisions": (terms.weights, FEWEST_EFFECTIVE),
        "decisions with a reward": (terms.weighted_rewards, FEWEST_EFFECTIVE),
    }
    sizes = []
    for name, (both, fewest) in counted.items():
        sizes.append(min(map(effective_size, both)))
        if sizes[-1] < fewest:
            raise DecisionLogError(f"effective sample too small: {sizes[-1]:,.0f} {name}; {fewest} are needed")
    return min(sizes[1:])


def _answer(over_logged: Estimate, over_greedy: Estimate) -> tuple[Answer, str]:
    if over_logged.low > 0 and over_greedy.low > 0:
        return Answer.BETTER, "worth more than the logged decisions and than the greedy policy"
    if over_logged.high < 0:
        return Answer.WORSE, "worth less than the logged decisions"
    if over_greedy.high < 0:
        return Answer.WORSE, "worth less than the greedy policy"
    unclear = [name for name, one in (("the logged decisions", over_logged), ("the greedy policy", over_greedy))
               if one.low <= 0]  # fmt: skip
    return Answer.UNDECIDED, f"the interval of the difference to {' and to '.join(unclear)} contains 0"
