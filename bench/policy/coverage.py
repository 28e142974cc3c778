"""How often the 95 % intervals of SNIPS and of doubly robust estimates contain the truth, next to a direct estimate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.claim import Claim
from bench.policy.course_world import CourseWorld, course_log, true_value
from bench.policy.visit_world import ARMS, VisitWorld, visit_log
from features.policy.definition import PolicyDefinition
from features.policy.estimate import Estimate, cross_fitted, doubly_robust, mean_of, snips
from features.policy.fitted_q import learn_q
from features.policy.learning import learn
from features.policy.policy import Policy, Rule
from features.policy.several_steps import fit_steps, robust_blocks

VISITS, SIZES = 4, {1_000: 1_000, 10_000: 400}
"""Decisions of a log, and the number of worlds with one."""
STEPS, COURSES = 6, {1_000: 300, 5_000: 200}
"""Customers of a log, and the number of worlds with one."""
QUICK = {1_000: 40}
LEAST, MOST = 0.93, 0.99
LOGGERS = {"uniform logger": 0, "learned logger": 400}
"""Decisions that the logger was learned from; none for the uniform one."""
POPULATION = 20_000
UNIFORM = Policy(Rule.UNIFORM, len(ARMS), 1 / len(ARMS))
DEFINITION = PolicyDefinition(
    name="objective", purpose="personalisation", arms=ARMS, context=tuple("abcde"), learner="lin_ucb",
    least_propensity=0.05,
)  # fmt: skip


def measure(*, is_quick: bool, first: int) -> Iterator[Claim]:
    """Yield for each kind of interval how far its coverage is outside of .93 to .99; 0 if it is within."""
    for logger, decisions in LOGGERS.items():
        for size, worlds in (QUICK if is_quick else SIZES).items():
            found = np.mean([_visit(seed, decisions, size) for seed in range(first, first + worlds)], axis=0)
            yield from _claims({"SNIPS": float(found[0]), "DR": float(found[1])}, float(found[2]),
                               f"{logger}, n = {size:,}", worlds)  # fmt: skip
    for customers, worlds in (QUICK if is_quick else COURSES).items():
        found = np.mean([_course(seed, customers) for seed in range(first, first + worlds)], axis=0)
        yield from _claims({f"DR over {STEPS} steps": float(found[0])}, float(found[1]),
                           f"uniform logger, {customers:,} customers", worlds)  # fmt: skip


def _claims(shares: dict[str, float], direct: float, about: str, worlds: int) -> Iterator[Claim]:
    for name, share in shares.items():
        outside = max(LEAST - share, share - MOST, 0.0)
        yield Claim(f"{name}: coverage {share:.3f}, outside of {LEAST} to {MOST} by; {about}", outside, "share",
                    max(LEAST - direct, direct - MOST, 0.0), f"direct estimate: {direct:.3f}", 0.0, worlds)  # fmt: skip


def _visit(seed: int, decisions: int, size: int) -> tuple[bool, bool, bool]:
    rng = np.random.default_rng(seed)
    world = VisitWorld.draw(rng)
    logger = learn(DEFINITION, visit_log(world, rng, decisions // 4, 4, UNIFORM)[0]).policy if decisions else UNIFORM
    target = learn(DEFINITION, visit_log(world, rng, 500, 4, UNIFORM)[0]).policy
    log, _ = visit_log(world, rng, size // VISITS, VISITS, logger)
    people, chances = visit_log(world, rng, POPULATION, 1, UNIFORM)
    truth = float((target.probabilities(people.contexts) * chances).sum(axis=1).mean())
    wanted, rewards = target.probabilities(log.contexts), cross_fitted(log)
    direct = mean_of((wanted * rewards).sum(axis=1), log.customers, np.ones(len(log)))
    return (
        _has(snips(log, wanted), truth), _has(doubly_robust(log, wanted, rewards), truth), _has(direct, truth)
    )  # fmt: skip


def _course(seed: int, customers: int) -> tuple[bool, bool]:
    rng = np.random.default_rng(seed)
    world = CourseWorld.draw(rng)
    first, second = (course_log(world, rng, customers, STEPS, UNIFORM) for _ in range(2))
    target = learn_q(first, STEPS, 0.02)
    models = fit_steps(first, STEPS, target)
    terms, weights = robust_blocks(second, second.blocks(STEPS), target.probabilities(second.contexts), models)
    starts = second.contexts[::STEPS]
    direct = (target.probabilities(starts) * models.values[-1].means(starts)).sum(axis=1)
    truth, units = true_value(world, target, STEPS, 50_000), np.arange(len(terms))
    return _has(mean_of(terms, units, weights), truth), _has(mean_of(direct, units, np.ones(len(units))), truth)


def _has(one: Estimate, truth: float) -> bool:
    return one.low <= truth <= one.high
