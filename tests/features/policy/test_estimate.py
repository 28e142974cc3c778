"""Estimates, the judge and fitted Q iteration, against exact values and against what they must refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.policy.course_world import CourseWorld, course_log, true_value
from bench.policy.visit_world import ARMS, VisitWorld, visit_log
from features.policy.decision_log import DecisionLog
from features.policy.definition import PolicyDefinition
from features.policy.estimate import (
    cross_fitted,
    doubly_robust,
    effective_size,
    mean_of,
    snips,
)
from features.policy.fitted_q import evaluate_q, learn_q
from features.policy.judge import Answer, judge
from features.policy.learning import Learned, learn
from features.policy.policy import Policy, Rule
from features.policy.propensity import Floats, with_floor
from features.policy.several_steps import fit_steps, robust_blocks

UNIFORM = Policy(Rule.UNIFORM, 4, 0.25)
DEFINITION = PolicyDefinition(
    name="objective", purpose="personalisation", arms=ARMS, context=("a", "b", "c", "d", "e"), least_propensity=0.02
)


def _world(seed: int, *, is_null: bool = False, visits: int = 6) -> tuple[DecisionLog, Floats]:
    rng = np.random.default_rng(seed)
    return visit_log(VisitWorld.draw(rng, is_null=is_null), rng, 1200, visits, UNIFORM)


def _halves(log: DecisionLog) -> tuple[DecisionLog, DecisionLog]:
    return log.rows(log.customers < 600), log.rows(log.customers >= 600)


def test_estimates_find_the_truth_of_another_policy() -> None:
    log, chances = _world(1)
    target = with_floor(np.tile([0.0, 0.0, 0.0, 1.0], (len(log), 1)), 0.02)
    truth = float((target * chances).sum(axis=1).mean())
    for found in (snips(log, target), doubly_robust(log, target, cross_fitted(log))):
        assert found.low < truth < found.high
        assert found.high - found.low < 0.06


def test_the_log_s_own_policy_is_worth_its_mean() -> None:
    log, _ = _world(2)
    assert snips(log, log.propensities).value == pytest.approx(log.rewards.mean())
    assert snips(log, log.propensities).effective == pytest.approx(len(log))


def test_an_interval_counts_customers_not_decisions() -> None:
    terms, customers = np.random.default_rng(3).normal(size=300), np.arange(300)
    once, thrice = (
        mean_of(terms, customers, np.ones(300)),
        mean_of(np.repeat(terms, 3), np.repeat(customers, 3), np.ones(900)),
    )
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))
    assert effective_size(np.zeros(3)) == 0


def test_coverage_of_both_estimates() -> None:
    inside = np.zeros(2)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        log, chances = visit_log(VisitWorld.draw(rng), rng, 250, 4, UNIFORM)
        target = with_floor(np.tile([0.0, 1.0, 0.0, 0.0], (len(log), 1)), 0.02)
        truth = float((target * chances).sum(axis=1).mean())
        both = (snips(log, target), doubly_robust(log, target, cross_fitted(log)))
        inside += [one.low <= truth <= one.high for one in both]
    assert (inside / 60 >= 0.9).all()


def test_blocks_follow_each_customer() -> None:
    log = DecisionLog(np.array([3, 3, 3, 5]), np.zeros((4, 1)), np.zeros(4, np.int64), np.ones((4, 1)), np.arange(4.0))
    assert log.blocks(3).tolist() == [[0, 1, 2]]
    assert log.has_next.tolist() == [True, True, False, False]
    assert log.rows(np.zeros(4, bool)).blocks(2).shape == (0, 2)


def test_q_of_a_chain_is_exact() -> None:
    """Arm 1 pays nothing and leads to state 1, in which arm 0 pays 1. Arm 0 pays 0.4 in state 0."""
    rng = np.random.default_rng(4)
    customers = np.repeat(np.arange(400), 4)
    arms, states, rewards = rng.integers(0, 2, 1600), np.zeros(1600), np.zeros(1600)
    for row in range(1600):
        follows = row % 4 > 0
        states[row] = float(follows and arms[row - 1] == 1)
        rewards[row] = (1.0 if states[row] else 0.4) * (arms[row] == 0)
    log = DecisionLog(customers, states[:, None], arms, np.full((1600, 2), 0.5), rewards)
    here = np.array([[0.0], [1.0]])
    greedy, ahead = learn_q(log, 1, 0.01), learn_q(log, 2, 0.01)
    assert greedy.probabilities(here).argmax(axis=1).tolist() == [0, 0]
    assert ahead.probabilities(here).argmax(axis=1).tolist() == [1, 0]
    values = evaluate_q(log, 3, Policy(Rule.UNIFORM, 2, 0.5))[-1].means(here)
    # The next state is 1 with probability ½ under the uniform policy, so a later step is worth ½·(½·1 + ½·0.4).
    assert values == pytest.approx(np.array([[0.4 + 0.2 + 0.35, 0.5 + 0.35], [1 + 0.2 + 0.35, 0.5 + 0.35]]), abs=0.02)


def test_several_steps_are_worth_more_than_the_log_and_greedy_and_the_estimate_finds_it() -> None:
    rng = np.random.default_rng(1)
    world = CourseWorld.draw(rng)
    log = course_log(world, rng, 1500, 12, UNIFORM)
    ours, greedy = learn_q(log, 6, 0.02), learn_q(log, 1, 0.02)
    logged, second, first = (true_value(world, one, 12, 5000) for one in (UNIFORM, greedy, ours))
    assert first > 1.12 * logged
    assert first > 1.04 * second
    log, other = (course_log(world, rng, 1500, 4, UNIFORM) for _ in range(2))
    terms, weights = robust_blocks(other, other.blocks(4), ours.probabilities(other.contexts), fit_steps(log, 4, ours))
    found = mean_of(terms, np.arange(len(terms)), weights)
    assert found.low < true_value(world, ours, 4, 20_000) < found.high
    assert found.high - found.low < 0.3
    assert weights.mean(axis=0) == pytest.approx(np.ones(4), abs=0.1)


def test_an_estimate_over_steps_needs_only_one_of_its_two_models() -> None:
    rng = np.random.default_rng(1)
    world = CourseWorld.draw(rng)
    log, other = course_log(world, rng, 1500, 4, UNIFORM), course_log(world, rng, 3000, 4, UNIFORM)
    target = learn_q(log, 4, 0.02)
    models, truth = fit_steps(log, 4, target), true_value(world, target, 4, 20_000)
    probabilities, blocks = target.probabilities(other.contexts), other.blocks(4)
    silent = [replace(one, weights=0 * one.weights) for one in models.values]
    flat = [np.eye(len(one))[0] for one in models.pasts]
    for changed in (replace(models, values=silent), replace(models, pasts=flat)):
        found = mean_of(*robust_blocks(other, blocks, probabilities, changed)[:1], np.arange(3000), np.ones(3000))
        assert found.low < truth < found.high
    both = replace(models, values=silent, pasts=[0 * one for one in models.pasts])
    assert robust_blocks(other, blocks, probabilities, both)[0].mean() < 0.7 * truth


def test_a_better_policy_is_accepted_and_one_of_a_null_world_is_not() -> None:
    for seed, is_null in ((5, False), (6, True)):
        first, second = _halves(_world(seed, is_null=is_null, visits=12)[0])
        verdict = judge(learn(DEFINITION, first), 1, first, second)
        assert (verdict.answer is Answer.BETTER) is not is_null
        assert verdict.is_spent


def test_what_is_worth_less_than_the_log_is_worse() -> None:
    first, second = _halves(_world(7, visits=20)[0])
    learned = learn(DEFINITION, first)
    model = learned.policy.model
    assert model is not None
    opposite = replace(learned.policy, rule=Rule.FITTED_Q, model=replace(model, weights=-model.weights))
    assert judge(replace(learned, policy=opposite), 1, first, second).answer is Answer.WORSE


def test_a_log_that_proves_nothing_leaves_undecided() -> None:
    first, second = _halves(_world(8)[0])
    learned = learn(DEFINITION, first)
    skewed = learned.policy.probabilities(second.contexts)
    drawn = np.array([np.random.default_rng(9).choice(4, p=row) for row in skewed])
    zero = np.tile([0.0, 0.5, 0.25, 0.25], (len(second), 1))
    few = second.rewards * (np.cumsum(second.rewards) <= 38)
    faults = {
        "uncalibrated": replace(second, arms=drawn),
        "zero": replace(second, propensities=zero),
        "missing": replace(second, propensities=np.full_like(second.propensities, np.nan)),
        "decisions with a reward; 200 are needed": replace(second, rewards=few),
        "decisions; 200 are needed": second.rows(np.arange(len(second)) % 6 == 0).rows(np.arange(300)),
        "customers; 50 are needed": replace(second, customers=second.customers % 3),
        "no decisions": second.rows(np.zeros(len(second), bool)),
    }
    for reason, log in faults.items():
        verdict = judge(learned, 1, first, log)
        assert (verdict.answer, verdict.is_spent) == (Answer.UNDECIDED, False)
        assert reason in verdict.reason


def test_a_deterministic_target_is_refused() -> None:
    first, second = _halves(_world(10)[0])
    learned = learn(DEFINITION, first)
    for changed in (
        Learned(replace(learned.policy, rule=Rule.LIN_UCB, floor=0.0), learned.greedy),
        Learned(learned.policy, replace(learned.greedy, floor=0.0)),
    ):
        verdict = judge(changed, 1, first, second)
        assert verdict.answer is Answer.UNDECIDED
        assert "deterministic target" in verdict.reason


def test_several_steps_need_customers_with_several_decisions() -> None:
    rng = np.random.default_rng(11)
    world = CourseWorld.draw(rng)
    log, short = course_log(world, rng, 300, 3, UNIFORM), course_log(world, rng, 300, 1, UNIFORM)
    learned = Learned(learn_q(log, 2, 0.02), learn_q(log, 1, 0.02))
    assert "no customer with 2" in judge(learned, 2, log, short).reason
