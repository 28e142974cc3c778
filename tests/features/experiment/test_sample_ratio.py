"""The check of sizes against published bounds, and its alarms over all days with and without lost customers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from features.experiment.sample_ratio import Draws, sample_ratio_fault, spending_bounds
from features.experiment.statistic import obrien_fleming

HALVES = {"control": 0.5, "new": 0.5}


def test_bounds_are_those_of_obrien_and_fleming_where_they_spend_as_these_do() -> None:
    """The probability that the bounds of O'Brien and Fleming use up, as a walk of 200,000 steps finds it."""
    rng, looks = np.random.default_rng(5), 5
    walk = rng.normal(size=(200_000, looks)).cumsum(axis=1) / np.sqrt(np.arange(1, looks + 1))
    bounds = obrien_fleming(looks, 0.05)
    spent = np.logical_or.accumulate(abs(walk) > bounds, axis=1).mean(axis=0)
    found = spending_bounds(np.arange(1.0, looks + 1), spent)
    assert found[2:] == pytest.approx(bounds[2:], abs=0.03)


def test_unequal_looks_cross_with_the_probability_that_is_spent() -> None:
    rng = np.random.default_rng(6)
    information, spent = np.array([1.0, 1.3, 4.0, 4.2, 9.0]), np.array([0.01, 0.02, 0.03, 0.04, 0.05])
    bounds = spending_bounds(information, spent)
    steps = rng.normal(size=(200_000, 5)) * np.sqrt(np.diff(information, prepend=0))
    crossed = abs(steps.cumsum(axis=1) / np.sqrt(information)) > bounds
    assert np.logical_or.accumulate(crossed, axis=1).mean(axis=0) == pytest.approx(spent, abs=0.0015)
    assert spending_bounds(np.ones(1), np.array([0.05])) == pytest.approx([norm.isf(0.025)])


def draws(rng: np.random.Generator, customers: int, lost: float, days: int = 28) -> list[Draws]:
    """Return draws of a day each; of the second variant a share is lost."""
    control = rng.binomial(customers // days, 0.5, days)
    new = customers // days - control
    new -= rng.binomial(new, lost)
    pairs = zip(control.tolist(), new.tolist(), strict=True)
    return [Draws(day, {"control": c, "new": n}, HALVES) for day, (c, n) in enumerate(pairs, 1)]


def test_a_tenth_of_a_variant_is_missed_and_a_sound_experiment_raises_no_alarm() -> None:
    """Ten thousand customers before the loss, who come on seven days; the level is 1 %."""
    rng = np.random.default_rng(7)
    lost = [sample_ratio_fault(draws(rng, 10_000, 0.1, 7), 7) for _ in range(60)]
    sound = [sample_ratio_fault(draws(rng, 10_000, 0, 7), 7) for _ in range(60)]
    assert sum(one is not None for one in lost) >= 58
    assert sum(one is not None for one in sound) <= 2
    naive = rng.normal(size=(2000, 28)).cumsum(axis=1) / np.sqrt(np.arange(1, 29))
    assert (abs(naive) > norm.isf(0.005)).any(axis=1).mean() > 0.05, "a test a day at the level would raise many"


def test_customers_of_one_day_are_tested_at_the_growing_level() -> None:
    first = Draws(1, {"control": 5000, "new": 4600}, HALVES)
    assert sample_ratio_fault([first], 28) is None, "z = 4.1 on the first of 28 days"
    later = [Draws(day, {}, HALVES) for day in range(2, 29)]
    assert "200 customers fewer" in str(sample_ratio_fault([first, *later], 28))
    assert sample_ratio_fault([Draws(1, {"control": 5000, "new": 3000}, HALVES)], 28) is not None


def test_versions_with_other_shares_are_one_walk() -> None:
    three = {"control": 0.25, "new": 0.25, "third": 0.5}
    fair = [Draws(1, {"control": 500, "new": 500}, HALVES), Draws(2, {"control": 250, "new": 250, "third": 500}, three)]
    assert sample_ratio_fault(fair, 2) is None
    short = [fair[0], Draws(2, {"control": 250, "new": 250, "third": 400}, three)]
    assert "third" in str(sample_ratio_fault(short, 2))
