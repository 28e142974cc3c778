"""A bandit that learns while it serves: its share of what a shop would get that knows every purchase probability.

The shop has the 2,469 customers of the Complete Journey and 250 visits a day. Each night the policy is learned anew
from all visits so far; the first day chooses each arm alike. Shares are of all visits, the first days included.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.claim import Claim, of_runs
from bench.peer_environment import python_with
from bench.policy.visit_world import ARMS, VisitWorld
from features.policy.policy import Policy, Rule
from features.policy.propensity import Floats, Ints, best_arm, draw
from features.policy.value_model import Basis, fit_values

CUSTOMERS, VISITS_A_DAY, DAYS = 2_469, 250, 150
WORLDS = 24
FLOOR = 0.01
ROOT = Path(__file__).parents[2]
ENVIRONMENT, PACKAGES = ROOT / "bench" / "results" / "bandit", ("mabwiser==2.7.4",)
LEAST_SHARE, LEAST_GAIN = 0.94, 1.4
Learner = Callable[[Floats, Ints, Floats], Callable[[Floats], Floats]]


@dataclass(frozen=True)
class Outcome:
    """Expected purchases of a learner, of the oracle, and of the best arm for everybody as known in hindsight."""

    learner: float
    oracle: float
    one_arm: float


def by_rule(rule: Rule) -> Learner:
    """Return the learner of the product: a linear bandit."""

    def learn(contexts: Floats, arms: Ints, rewards: Floats) -> Callable[[Floats], Floats]:
        model = fit_values(Basis.of(contexts, squares=False), contexts, arms, rewards, len(ARMS))
        return Policy(rule, len(ARMS), FLOOR, model=model).probabilities

    return learn


def without_exploring(contexts: Floats, arms: Ints, rewards: Floats) -> Callable[[Floats], Floats]:
    """Return the arm that our regression finds best, and never another one."""
    model = fit_values(Basis.of(contexts, squares=False), contexts, arms, rewards, len(ARMS))
    return lambda rows: best_arm(model.means(rows))


def for_everybody(contexts: Floats, arms: Ints, rewards: Floats) -> Callable[[Floats], Floats]:
    """Return the arm with the largest mean so far, for everybody; each arm alike in 10 % of the visits."""
    means = np.array([rewards[arms == arm].mean() for arm in range(len(ARMS))])
    return lambda rows: 0.9 * best_arm(np.tile(means, (len(rows), 1))) + 0.1 / len(ARMS)


def serve(seed: int, learner: Learner, days: int = DAYS, *, is_cold: bool = False) -> Outcome:
    """Return what a learner gets in the world of a seed. `is_cold`: the first day has the first arm only."""
    rng = np.random.default_rng(seed)
    world = VisitWorld.draw(rng)
    traits, temper = world.people(rng, CUSTOMERS)
    contexts, arms, rewards = np.empty((0, traits.shape[1])), np.empty(0, np.int64), np.empty(0)
    first = np.eye(len(ARMS))[0] if is_cold else np.full(len(ARMS), 1 / len(ARMS))
    probabilities: Callable[[Floats], Floats] = lambda rows: np.tile(first, (len(rows), 1))  # noqa: E731
    got, best, single = 0.0, 0.0, np.zeros(len(ARMS))
    for _ in range(days):
        who = rng.integers(0, CUSTOMERS, VISITS_A_DAY)
        seen, chances = world.contexts(rng, traits[who]), world.chances(traits[who], temper[who])
        p = probabilities(seen)
        drawn = draw(p, rng.random(VISITS_A_DAY))
        bought = rng.random(VISITS_A_DAY) < chances[np.arange(VISITS_A_DAY), drawn]
        got, best, single = got + (p * chances).sum(), best + chances.max(axis=1).sum(), single + chances.sum(axis=0)
        contexts, arms = np.vstack([contexts, seen]), np.append(arms, drawn)
        rewards = np.append(rewards, bought.astype(np.float64))
        probabilities = learner(contexts, arms, rewards)
    return Outcome(float(got), float(best), float(single.max()))


def measure(*, is_quick: bool, first: int) -> Iterator[Claim]:
    """Yield the claims."""
    worlds, days = (3, 60) if is_quick else (WORLDS, DAYS)
    seeds = range(first, first + worlds)
    about = f"{days * VISITS_A_DAY:,} visits, {worlds} worlds"
    peers = {
        "one arm for everybody, 10 % explored": (for_everybody, False),
        "our regression without exploring": (without_exploring, True),
        "the same after a day of chance": (without_exploring, False),
    }
    lost = {name: [1 - (o := serve(seed, one, days, is_cold=cold)).learner / o.oracle for seed in seeds]
            for name, (one, cold) in peers.items()}  # fmt: skip
    lost["LinUCB of mabwiser, deterministic"] = _by_mabwiser(seeds, days)
    for rule in (Rule.LIN_TS, Rule.LIN_UCB):
        found = [serve(seed, by_rule(rule), days) for seed in seeds]
        ours = [1 - one.learner / one.oracle for one in found]
        for name, theirs in lost.items():
            yield of_runs(f"{rule}: share of the oracle's purchases that is lost; {about}", ours, "share",
                          others=theirs, peer=name, bar=1 - LEAST_SHARE)  # fmt: skip
        yield of_runs(
            f"{rule}: purchases of the best arm for everybody, known in hindsight, for one of ours; {about}",
            [one.one_arm / one.learner for one in found], "share", bar=1 / LEAST_GAIN,
        )  # fmt: skip


def _by_mabwiser(seeds: range, days: int) -> list[float]:
    command = [str(python_with(ENVIRONMENT, PACKAGES)), "-m", "bench.policy.mabwiser_peer"]
    command += map(str, (seeds.start, len(seeds), days))
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return [float(one) for one in json.loads(done.stdout[done.stdout.index("[") :])]
