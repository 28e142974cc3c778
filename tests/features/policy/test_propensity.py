"""Floors, draws and the check of a log, against counting and against a simulation."""

from __future__ import annotations

import numpy as np
import pytest

from features.policy.errors import DecisionLogError
from features.policy.policy import Policy, Rule, probability_of_best
from features.policy.propensity import (
    Floats,
    calibration_p,
    draw,
    require_calibrated,
    require_propensities,
    with_floor,
)
from features.policy.value_model import Basis, fit_values


def test_draws_follow_the_propensities() -> None:
    p = np.array([0.7, 0.2, 0.1])
    arms = draw(np.tile(p, (20_000, 1)), np.random.default_rng(1).random(20_000))
    assert np.bincount(arms) / 20_000 == pytest.approx(p, abs=0.01)
    assert draw(p[None], np.array([1 - 1e-17])).tolist() == [2]


def test_probability_of_best_agrees_with_drawing() -> None:
    rng = np.random.default_rng(2)
    means, errors = rng.normal(size=(5, 4)), rng.uniform(0.2, 2, (5, 4))
    drawn = (means + errors * rng.normal(size=(40_000, 5, 4))).argmax(axis=2)
    counted = np.stack([np.bincount(drawn[:, row], minlength=4) / 40_000 for row in range(5)])
    assert probability_of_best(means, errors) == pytest.approx(counted, abs=0.01)


@pytest.mark.parametrize("rule", list(Rule))
def test_a_policy_keeps_its_floor_and_survives_json(rule: Rule) -> None:
    rng = np.random.default_rng(3)
    contexts, arms = rng.normal(size=(300, 2)), rng.integers(0, 3, 300)
    model = fit_values(Basis.of(contexts, squares=rule is Rule.FITTED_Q), contexts, arms, rng.random(300), 3)
    policy = Policy(rule, 3, 0.05, model=None if rule is Rule.UNIFORM else model)
    found = policy.probabilities(contexts)
    assert found.sum(axis=1) == pytest.approx(1)
    assert found.min() >= 0.05 - 1e-12
    assert np.array_equal(Policy.from_json(policy.to_json()).probabilities(contexts), found)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([0.5, np.nan], "missing"),
        ([0.5, 0.4], "add up"),
        ([1.0, 0.0], "zero"),
        ([0.99, 0.01], "below 0.05"),
    ],
)
def test_propensities_that_prove_nothing_are_refused(row: list[float], reason: str) -> None:
    good = np.array([[0.5, 0.5]] * 3)
    require_propensities(good, 0.05)
    with pytest.raises(DecisionLogError, match=reason):
        require_propensities(np.vstack([good, [row]]), 0.05)


def _log(seed: int, p: Floats) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(len(p), 2)), draw(p, rng.random(len(p)))


def test_a_falsely_uniform_log_is_refused_and_a_true_one_is_not() -> None:
    skewed = with_floor(np.tile([0.6, 0.3, 0.1], (400, 1)), 0.02)
    uniform = np.full((400, 3), 1 / 3)
    contexts, arms = _log(4, skewed)
    require_calibrated(contexts, arms, skewed)
    with pytest.raises(DecisionLogError, match="uncalibrated"):
        require_calibrated(contexts, arms, uniform)


def test_a_log_is_refused_that_is_uniform_over_all_customers_but_not_for_each_context() -> None:
    rng = np.random.default_rng(5)
    contexts = rng.normal(size=(400, 2))
    p = np.where(contexts[:, :1] > 0, [0.8, 0.2], [0.2, 0.8])
    arms = draw(p, rng.random(400))
    require_calibrated(contexts, arms, p)
    with pytest.raises(DecisionLogError, match="uncalibrated"):
        require_calibrated(contexts, arms, np.full((400, 2), 0.5))


def test_the_check_of_sound_logs_has_its_level() -> None:
    p = with_floor(np.tile([0.7, 0.25, 0.05], (500, 1)), 0.01)
    found = np.array([calibration_p(*_log(seed, p), p) for seed in range(400)])
    assert (found < 0.05).mean() <= 0.08
    assert found.min() > 1e-5
