"""The judge in worlds where nothing is to be gained, in worlds where much is, and on logs that must be refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bench.claim import Claim
from bench.policy.course_world import CourseWorld, course_log, true_value
from bench.policy.visit_world import ARMS, VisitWorld, visit_log
from features.policy.decision_log import DecisionLog
from features.policy.definition import PolicyDefinition
from features.policy.errors import DecisionLogError
from features.policy.estimate import mean_of
from features.policy.judge import Answer, Verdict, judge
from features.policy.learning import Learned, learn
from features.policy.policy import Policy, Rule
from features.policy.propensity import Floats, require_calibrated
from features.policy.value_model import fit_values

CUSTOMERS, VISITS, GAINS = 2_469, 12, 60
CONTROLS, CONTROL_SIZE, PEOPLE = 200, 2_000, 20_000
MOST_FALSE = 0.05
LOGGER = Policy(Rule.UNIFORM, len(ARMS), 1 / len(ARMS))
ONE_STEP = PolicyDefinition(name="objective", purpose="personalisation", arms=ARMS, context=tuple("abcde"))
STEPS = ONE_STEP.model_copy(update={"learner": "fitted_q", "steps": 6})


def measure(*, is_quick: bool, first: int) -> Iterator[Claim]:
    """Yield the claims."""
    gains, controls = (5, 10) if is_quick else (GAINS, CONTROLS)
    about = f"{CUSTOMERS:,} customers, {VISITS} visits"
    for definition, make, count in ((ONE_STEP, _visits, 1_000), (STEPS, _courses, 300)):
        worlds = 20 if is_quick else count
        kind = f"{definition.learner}, {about}"
        nulls = [_judged(definition, make(seed, is_null=True)) for seed in range(first, first + worlds)]
        naive = [
            _is_better_by_its_own_data(definition, make(seed, is_null=True))
            for seed in range(first, first + min(worlds, 100))
        ]
        compared = [one for one in nulls if one.over_logged is not None]
        peer, share = "direct estimate on the data learned from", float(np.mean(naive))
        yield Claim(
            f"null worlds called better, of those with enough decisions: {kind}",
            _share(compared), "share", share, peer, MOST_FALSE, len(compared),
        )  # fmt: skip
        above = [one.over_logged is not None and one.over_logged.low > 0 for one in compared]
        yield Claim(
            f"null worlds whose interval of the difference to the log lies above 0: {kind}",
            float(np.mean(above)), "share", bar=MOST_FALSE, runs=len(compared),
        )  # fmt: skip
        found = [_with_truth(definition, make(seed, is_null=False), seed) for seed in range(first, first + gains)]
        accepted = [is_real for verdict, is_real in found if verdict.answer is Answer.BETTER]
        yield Claim(f"worlds with a gain not called better: {kind}", 1 - len(accepted) / gains, "share", runs=gains)
        yield Claim(
            f"versions called better that are truly worth no more than log and greedy: {kind}",
            float(np.mean([not one for one in accepted])) if accepted else 0.0, "share", bar=MOST_FALSE,
            runs=len(accepted),
        )  # fmt: skip
    yield from _controls(range(first, first + controls))


def _visits(seed: int, *, is_null: bool) -> DecisionLog:
    rng = np.random.default_rng(seed)
    return visit_log(VisitWorld.draw(rng, is_null=is_null), rng, CUSTOMERS, VISITS, LOGGER)[0]


def _courses(seed: int, *, is_null: bool) -> DecisionLog:
    rng = np.random.default_rng(seed)
    return course_log(CourseWorld.draw(rng, is_null=is_null), rng, CUSTOMERS, VISITS, LOGGER)


def _halves(log: DecisionLog) -> tuple[DecisionLog, DecisionLog]:
    first = log.customers < CUSTOMERS // 2
    return log.rows(first), log.rows(~first)


def _judged(definition: PolicyDefinition, log: DecisionLog) -> Verdict:
    first, second = _halves(log)
    return judge(learn(definition, first), definition.steps, first, second)


def _with_truth(definition: PolicyDefinition, log: DecisionLog, seed: int) -> tuple[Verdict, bool]:
    """Return the verdict, and whether the version is truly worth more than the logger and the greedy policy."""
    first, second = _halves(log)
    learned = learn(definition, first)
    rng = np.random.default_rng(seed)
    policies = (learned.policy, learned.greedy, LOGGER)
    if definition.steps > 1:
        world = CourseWorld.draw(rng)
        values = [true_value(world, one, definition.steps) for one in policies]
    else:
        people, chances = visit_log(VisitWorld.draw(rng), np.random.default_rng(0), PEOPLE, 1, LOGGER)
        values = [float((one.probabilities(people.contexts) * chances).sum(axis=1).mean()) for one in policies]
    return judge(learned, definition.steps, first, second), values[0] > max(values[1:])


def _share(verdicts: list[Verdict]) -> float:
    return float(np.mean([one.answer is Answer.BETTER for one in verdicts]))


def _is_better_by_its_own_data(definition: PolicyDefinition, log: DecisionLog) -> bool:
    """Return what is often done: the model's value of its own policy, against the log that both were learned from."""
    policy = learn(definition, log).policy
    assert policy.model is not None
    model = fit_values(policy.model.basis, log.contexts, log.arms, log.rewards, len(ARMS))
    expected = (policy.probabilities(log.contexts) * model.means(log.contexts)).sum(axis=1)
    return mean_of(expected - log.rewards.mean(), log.customers, np.ones(len(log))).low > 0


def _controls(seeds: range) -> Iterator[Claim]:
    accepted, refused, deterministic = [], [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        world = VisitWorld.draw(rng)
        start = visit_log(world, rng, 100, 4, LOGGER)[0]
        definition = ONE_STEP.model_copy(update={"least_propensity": 0.05})
        logger = learn(definition, start)
        log = visit_log(world, rng, CONTROL_SIZE // 4, 4, logger.policy)[0]
        uniform = np.full(log.propensities.shape, 1 / len(ARMS))
        accepted.append(_is_calibrated(log, uniform))
        refused.append(not _is_calibrated(log, log.propensities))
        first, second = log.rows(log.customers % 2 == 0), log.rows(log.customers % 2 == 1)
        target = Learned(replace(logger.policy, rule=Rule.LIN_UCB, floor=0.0), logger.greedy)
        deterministic.append("deterministic" not in judge(target, 1, first, second).reason)
    about = f"{CONTROL_SIZE:,} decisions"
    yield Claim(f"falsely uniform logs that are not refused: {about}", float(np.mean(accepted)), "share", bar=0.0,
                runs=len(seeds))  # fmt: skip
    yield Claim(f"sound logs that are refused: {about}", float(np.mean(refused)), "share", bar=0.01, runs=len(seeds))
    yield Claim(f"deterministic targets that are not refused: {about}", float(np.mean(deterministic)), "share",
                bar=0.0, runs=len(seeds))  # fmt: skip


def _is_calibrated(log: DecisionLog, propensities: Floats) -> bool:
    try:
        require_calibrated(log.contexts, log.arms, propensities)
    except DecisionLogError:
        return False
    return True
