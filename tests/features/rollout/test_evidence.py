"""The evidence against independent computations, and how often it is wrong about versions that are not worse."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, nchypergeom_fisher

from features.rollout.evidence import RATIOS, WEIGHTS, Floats, evidence, share_of_new

LOOKS_A_DAY = 24


def traffic(
    seed: int, days: int, rates: tuple[float, float], calls: int = 20_000, share: float = 0.1, begins: int = 0
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return calls and failed calls of the new and of the old version by hour; busy hours fail more often.

    `begins`: day from which the new version has a rate of its own.
    """
    rng = np.random.default_rng(seed)
    hours = np.arange(days * LOOKS_A_DAY)
    busy = 1 + 0.8 * np.sin(hours / 24 * 2 * np.pi)
    new, old = rng.poisson(calls / 24 * share * busy), rng.poisson(calls / 24 * (1 - share) * busy)
    own = np.where(hours >= 24 * begins, rates[0], rates[1])
    failed = [rng.binomial(n, rate * busy).astype(float) for n, rate in ((new, own), (old, rates[1]))]
    return new.astype(float), old.astype(float), failed[0], failed[1]


def found(given: tuple[Floats, Floats, Floats, Floats], ratio: float = 1.0, alpha: float = 0.05) -> float:
    """Return the hours until the evidence suffices."""
    new, old, bad, others = given
    reached = evidence(bad, bad + others, share_of_new(new, old, ratio), np.arange(len(new)) / LOOKS_A_DAY)
    crossed = np.flatnonzero(reached >= 1 / alpha)
    return float(crossed[0]) if len(crossed) else np.inf


def test_the_evidence_is_the_mixture_of_likelihood_ratios() -> None:
    hits, trials, limits = np.array([2.0, 0.0, 3.0]), np.array([4.0, 5.0, 3.0]), np.array([0.2, 0.3, 0.5])
    days = np.array([0.0, 0.5, 1.2])
    raised = [RATIOS * one / (1 - one + RATIOS * one) for one in limits]
    steps = [
        binom.pmf(k, n, up) / binom.pmf(k, n, base) for k, n, up, base in zip(hits, trials, raised, limits, strict=True)
    ]
    whole, second_day = (steps[0] * steps[1] * steps[2]) @ WEIGHTS, steps[2] @ WEIGHTS
    # Half the weight is for the first day, a quarter for the second, a quarter for later ones.
    expected = 0.5 * whole + 0.25 * second_day + 0.25
    assert evidence(hits, trials, limits, days)[-1] == pytest.approx(expected)


@pytest.mark.parametrize("ratio", [1.0, 1.5, 4.0])
@pytest.mark.parametrize(("new", "old"), [(1, 1), (3, 9), (20, 180), (100, 20)])
def test_no_look_adds_evidence_on_average_whatever_the_rate(new: int, old: int, ratio: float) -> None:
    for failed in range(new + old + 1):
        k = np.arange(max(0, failed - old), min(new, failed) + 1)
        limits = share_of_new(np.full(len(k), float(new)), np.full(len(k), float(old)), ratio)
        chances = nchypergeom_fisher(new + old, new, failed, ratio).pmf(k)
        factors = [evidence(k[[i]] * 1.0, np.array([1.0 * failed]), limits[[i]], np.zeros(1))[0] for i in range(len(k))]
        assert chances @ factors <= 1 + 1e-9


def test_a_version_that_is_not_worse_is_rarely_blamed() -> None:
    blamed = [found(traffic(seed, 28, (0.01, 0.01))) < np.inf for seed in range(400)]
    assert np.mean(blamed) <= 0.05


def test_negative_control_a_test_at_every_look_blames_often() -> None:
    def peeks(seed: int) -> bool:
        new, old, bad, others = (np.cumsum(one) for one in traffic(seed, 28, (0.01, 0.01)))
        pooled = (bad + others) / (new + old)
        z = (bad / new - others / old) / np.sqrt(pooled * (1 - pooled) * (1 / new + 1 / old))
        return bool((z[LOOKS_A_DAY - 1 :: LOOKS_A_DAY] > 1.645).any())

    assert np.mean([peeks(seed) for seed in range(400)]) > 0.15


@pytest.mark.parametrize("begins", [0, 7])
def test_a_doubled_error_rate_is_found_within_two_days(begins: int) -> None:
    hours = [found(traffic(seed, begins + 7, (0.02, 0.01), 50_000, begins=begins)) - 24 * begins for seed in range(100)]
    assert np.mean([0 <= one <= 48 for one in hours]) >= 0.95


def test_an_allowed_ratio_is_allowed() -> None:
    hours = [found(traffic(seed, 14, (0.02, 0.01)), ratio=2.1) for seed in range(100)]
    assert np.mean([one < np.inf for one in hours]) <= 0.05


def test_looks_of_one_version_say_nothing() -> None:
    nothing = np.zeros(3)
    limits = share_of_new(np.array([5.0, 0, 0]), np.array([0.0, 5, 0]), 1.0)
    assert evidence(np.array([5.0, 0, 0]), np.array([5.0, 5, 0]), limits, nothing) == pytest.approx(1)
    assert len(evidence(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0))) == 0
