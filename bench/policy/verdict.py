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

CUSTOMERS, MANY, VISITS = 2_469, 20_000, 12
CONTROLS, CONTROL_SIZE, PEOPLE = 200, 2_000, 20_000
MOST_FALSE = 0.05
LOGGER = Policy(Rule.UNIFORM, len(ARMS), 1 / len(ARMS))
ONE_STEP = PolicyDefinition(name="objective", purpose="personalisation", arms=ARMS, context=tuple("abcde"))
STEPS = ONE_STEP.model_copy(update={"learner": "fitted_q", "steps": 6})


def measure(*, is_quick: bool, first: int) -> Iterator[Claim]:
    """Yield the claims."""
    controls = 10 if is_quick else CONTROLS
    for definition, make, count in ((ONE_STEP, _visits, 1_000), (STEPS, _courses, 300)):
        worlds = 20 if is_quick else count
        kind = f"{definition.learner}, {CUSTOMERS:,} customers, {VISITS} visits"
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
    for definition, customers, count in ((ONE_STEP, CUSTOMERS, 100), (STEPS, CUSTOMERS, 100), (STEPS, MANY, 30)):
        yield from _gains(definition, customers, range(first, first + (5 if is_quick else count)))
    yield from _controls(range(first, first + controls))


def _gains(definition: PolicyDefinition, customers: int, seeds: range) -> Iterator[Claim]:
    kind = f"{definition.learner}, {customers:,} customers, {VISITS} visits"
    found = [_with_truth(definition, seed, customers) for seed in seeds]
    accepted = [is_real for verdict, is_real in found if verdict.answer is Answer.BETTER]
    yield Claim(f"worlds with a gain not called better: {kind}", 1 - len(accepted) / len(seeds), "share",
                runs=len(seeds))  # fmt: skip
    yield Claim(
        f"worlds in which a version is called better and is truly worth no more than log or greedy: {kind}",
        (len(accepted) - sum(accepted)) / len(seeds), "share", bar=MOST_FALSE, runs=len(seeds),
    )  # fmt: skip


def _visits(seed: int, customers: int = CUSTOMERS, *, is_null: bool) -> DecisionLog:
    rng = np.random.default_rng(seed)
    return visit_log(VisitWorld.draw(rng, is_null=is_null), rng, customers, VISITS, LOGGER)[0]


def _courses(seed: int, customers: int = CUSTOMERS, *, is_null: bool) -> DecisionLog:
    rng = np.random.default_rng(seed)
    return course_log(CourseWorld.draw(rng, is_null=is_null), rng, customers, VISITS, LOGGER)


def _halves(log: DecisionLog) -> tuple[DecisionLog, DecisionLog]:
    first = log.customers < (log.customers.max() + 1) // 2
    return log.rows(first), log.rows(~first)


def _judged(definition: PolicyDefinition, log: DecisionLog) -> Verdict:
    first, second = _halves(log)
    return judge(learn(definition, first), definition.steps, first, second)


def _with_truth(definition: PolicyDefinition, seed: int, customers: int) -> tuple[Verdict, bool]:
    """Return the verdict, and whether the version is truly worth more than the logger and the greedy policy."""
    make = _courses if definition.steps > 1 else _visits
    first, second = _halves(make(seed, customers, is_null=False))
    learned = learn(definition, first)
    rng = np.random.default_rng(seed)
    policies = (learned.policy, learned.greedy, LOGGER)
    if definition.steps > 1:
        world = CourseWorld.draw(rng)
        starts = range(0, VISITS, definition.steps)
        values = [sum(true_value(world, one, definition.steps, former=former) for former in starts) for one in policies]
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
