"""Several steps: the true value of fitted Q iteration against the policy that made the log, and against greedy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.claim import Claim, of_runs
from bench.policy.course_world import CourseWorld, course_log, true_value
from bench.policy.visit_world import ARMS
from features.policy.fitted_q import learn_q
from features.policy.policy import Policy, Rule

CUSTOMERS, VISITS, STEPS, FLOOR = 2_469, 12, 6, 0.02
WORLDS = 40
LEAST_OVER_LOGGER, LEAST_OVER_GREEDY = 1.12, 1.04


def measure(*, is_quick: bool, first: int) -> Iterator[Claim]:
    """Yield the claims. Learned from one half of the customers; the truth is that of other customers."""
    worlds = 4 if is_quick else WORLDS
    values = np.array([_values(seed) for seed in range(first, first + worlds)])
    logger, greedy, learned = values.T
    about = f"purchases in {VISITS} visits, {CUSTOMERS // 2:,} customers learned from, {worlds} worlds"
    yield of_runs(
        f"several steps: logger's {about}, for one of ours",
        (logger / learned).tolist(),
        "share",
        bar=1 / LEAST_OVER_LOGGER,
    )
    yield of_runs(
        f"several steps: greedy's {about}, for one of ours",
        (greedy / learned).tolist(),
        "share",
        bar=1 / LEAST_OVER_GREEDY,
    )


def _values(seed: int) -> tuple[float, float, float]:
    rng = np.random.default_rng(seed)
    world = CourseWorld.draw(rng)
    logger = Policy(Rule.UNIFORM, len(ARMS), 1 / len(ARMS))
    log = course_log(world, rng, CUSTOMERS // 2, VISITS, logger)
    policies = (logger, learn_q(log, 1, FLOOR), learn_q(log, STEPS, FLOOR))
    first, second, third = (true_value(world, one, VISITS) for one in policies)
    return first, second, third
