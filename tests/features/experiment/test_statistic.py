"""The statistics against published constants, closed forms and simulated looks."""

from __future__ import annotations

import numpy as np
import pytest

from features.experiment.assignment import point_of
from features.experiment.statistic import (
    adjust_by_before,
    difference,
    obrien_fleming,
    sample_ratio_p,
    sequence_radius,
)
from features.experiment.verdict import sample_ratio_fault


@pytest.mark.parametrize(("looks", "constant"), [(1, 1.960), (2, 1.977), (3, 2.004), (5, 2.040), (10, 2.087)])
def test_bounds_are_those_of_jennison_and_turnbull(looks: int, constant: float) -> None:
    """Table 2.3 of Jennison & Turnbull (2000), Group Sequential Methods, alpha = 0.05."""
    assert obrien_fleming(looks, 0.05)[-1] == pytest.approx(constant, abs=6e-4)


def test_looks_without_a_difference_raise_few_alarms_and_plain_peeking_many() -> None:
    rng = np.random.default_rng(3)
    runs, looks, size = 400, 28, 20
    steps = rng.exponential(1, (2, runs, looks * size))
    bounds, alarms = obrien_fleming(looks, 0.05), np.zeros((3, runs), bool)
    for run in range(runs):
        for look in range(1, looks + 1):
            found = difference(steps[0, run, : look * size], steps[1, run, : look * size])
            z = abs(found.estimate) / found.error
            alarms[0, run] |= abs(found.estimate) > sequence_radius(found, 0.05, 2 * looks * size)
            alarms[1, run] |= z > bounds[look - 1]
            alarms[2, run] |= z > 1.96
    sequence, group, peeking = alarms.mean(axis=1)
    assert sequence <= 0.05
    assert group <= 0.08
    assert peeking > 0.2


def test_the_adjustment_keeps_the_difference_and_removes_the_squared_correlation() -> None:
    rng = np.random.default_rng(4)
    before = rng.normal(size=20_000)
    values = before + rng.normal(size=20_000)
    adjusted = adjust_by_before(values, before)
    assert adjusted.mean() == pytest.approx(values.mean())
    assert 1 - adjusted.var() / values.var() == pytest.approx(np.corrcoef(before, values)[0, 1] ** 2)
    assert adjust_by_before(values, np.ones(20_000)) is values


def test_sizes_that_do_not_fit_the_shares_are_a_fault() -> None:
    assert sample_ratio_p([5000, 5000], [0.5, 0.5]) == pytest.approx(1)
    assert sample_ratio_p([5098, 4902], [0.5, 0.5]) == pytest.approx(0.05, abs=1e-3)
    assert sample_ratio_fault([([5000, 4500], [0.5, 0.5])]) is not None
    assert sample_ratio_fault([([5000, 4950], [0.5, 0.5])]) is None


def test_points_are_uniform_and_independent_between_salts() -> None:
    points = np.array([[point_of(salt, f"c_{n}") for n in range(20_000)] for salt in ("a", "b")])
    counts = np.histogram(points[0], 20)[0]
    assert sample_ratio_p(counts.tolist(), [0.05] * 20) > 1e-3
    assert abs(np.corrcoef(points)[0, 1]) < 0.03
