"""Serves the shop of `bandit` by LinUCB of mabwiser, in an environment of its own; prints the share that is lost.

`python -m bench.policy.mabwiser_peer FIRST WORLDS DAYS`. It chooses for certain, so nothing can be estimated from its
log. Of Bojagi only modules that need numpy and scipy are imported.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import numpy as np
from mabwiser.mab import MAB, LearningPolicy

from bench.policy.bandit import serve
from bench.policy.visit_world import ARMS
from features.policy.propensity import Floats, Ints


def lin_ucb(contexts: Floats, arms: Ints, rewards: Floats) -> Callable[[Floats], Floats]:
    """Return what mabwiser chooses."""
    bandit = MAB(list(range(len(ARMS))), LearningPolicy.LinUCB(alpha=1.0, l2_lambda=1.0), seed=0)
    bandit.fit(arms, rewards, _with_one(contexts))
    return lambda rows: np.eye(len(ARMS))[np.array(bandit.predict(_with_one(rows)))]


def _with_one(contexts: Floats) -> Floats:
    return np.column_stack([np.ones(len(contexts)), contexts])


if __name__ == "__main__":
    first, worlds, days = map(int, sys.argv[1:])
    found = [serve(seed, lin_ucb, days) for seed in range(first, first + worlds)]
    print(json.dumps([1 - one.learner / one.oracle for one in found]))
