"""Metrics equal a peer's, intervals cover the truth as often as they say, and many tests together err rarely."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t
from sklearn.metrics import log_loss, mean_poisson_deviance, roc_auc_score

from federated.worth.difference import _student, compare, mean_difference, significant
from federated.worth.metric import auc, deviance, metrics_of
from federated.worth.metric import log_loss as our_log_loss

AUC, LOG_LOSS = metrics_of("binary")
Floats = NDArray[np.float64]


def test_metrics_equal_those_of_a_peer_with_ties_too() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        y, p = rng.integers(0, 2, 60).astype(float), rng.integers(1, 9, 60) / 10
        assert auc(p, y)[0] == pytest.approx(roc_auc_score(y, p))
        assert our_log_loss(p, y).mean() == pytest.approx(log_loss(y, p))
        assert deviance(5 * p, y).mean() == pytest.approx(mean_poisson_deviance(y, 5 * p))


def test_influences_add_up_to_nothing_and_predict_the_effect_of_leaving_out_a_row() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 400).astype(float)
    p = y + rng.normal(size=400)
    value, influence = auc(p, y)
    assert influence.sum() == pytest.approx(0)
    left_out = np.array([auc(np.delete(p, i), np.delete(y, i))[0] for i in range(400)])
    assert np.corrcoef(value - left_out, influence)[0, 1] > 0.999


def sample(
    rng: np.random.Generator, gain: float, rows: int = 4, customers: int = 150
) -> tuple[dict[str, Floats], Floats, Floats]:
    """Predictions of two models on rows that are alike within a customer; `gain` makes the first one better."""
    customer = np.repeat(np.arange(customers), rows)
    common = np.repeat(rng.normal(size=customers), rows)
    y = (common + np.repeat(rng.normal(size=customers), rows) > 0).astype(float)
    noise = np.repeat(rng.normal(size=(2, customers)), rows, axis=1)
    return {"a": (1 + gain) * common + noise[0], "b": common + noise[1]}, y, customer.astype(float)


@pytest.mark.parametrize("gain", [0.0, 0.7])
def test_intervals_cover_the_true_gain_also_with_several_rows_a_customer(gain: float) -> None:
    rng = np.random.default_rng(2)
    large = sample(rng, gain, rows=1, customers=300_000)
    true = roc_auc_score(large[1], large[0]["a"]) - roc_auc_score(large[1], large[0]["b"])
    covered = {"clustered": 0, "by row": 0}
    for _ in range(400):
        predictions, y, customer = sample(rng, gain)
        for name, ids in (("clustered", customer), ("by row", np.arange(len(y)))):
            found = compare(AUC, predictions, "a", "b", y, ids)
            assert found.low is not None
            assert found.high is not None
            covered[name] += found.low <= true <= found.high
    assert covered["clustered"] >= 0.92 * 400
    # Rows taken as independent customers make intervals too narrow, and this test sees it.
    assert covered["by row"] < 0.85 * 400


def test_fewer_is_better_counts_as_a_gain() -> None:
    y = np.tile([0.0, 1.0], 30)
    found = compare(LOG_LOSS, {"good": 0.2 + 0.6 * y, "bad": np.full(60, 0.5)}, "good", "bad", y, np.arange(60))
    assert found.gain > 0
    assert found.is_better
    assert not found.is_worse


def test_too_few_customers_give_no_interval() -> None:
    y = np.tile([0.0, 1.0], 30)
    p = {"a": np.arange(60.0), "b": np.arange(60.0)}
    assert compare(AUC, p, "a", "b", y, np.arange(60)).low is not None
    assert compare(AUC, p, "a", "b", y, np.arange(60) // 8).low is None


def test_differences_of_rounding_are_none() -> None:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 500).astype(float)
    p = rng.random(500) * 0.8 + 0.1
    found = compare(LOG_LOSS, {"a": p, "b": p + 1e-9}, "a", "b", y, np.arange(500))
    assert not found.is_worse
    assert found.p_value == 1.0


def test_many_true_zeros_are_rarely_called_significant_together() -> None:
    rng = np.random.default_rng(4)
    errors = [any(significant(rng.random(50).tolist())) for _ in range(1000)]
    assert np.mean(errors) < 0.07
    assert np.mean([any(p < 0.05 for p in rng.random(50)) for _ in range(1000)]) > 0.8
    assert significant([1e-9, 0.5, 2e-9]) == [True, False, True]


def test_the_mean_over_sites_has_students_interval() -> None:
    for degrees in (1, 2, 3, 4, 9, 49):
        assert _student(degrees) == pytest.approx(t.ppf(0.975, degrees), rel=0.02)
    y = np.tile([0.0, 1.0], 30)
    draws = np.random.default_rng(5).normal(size=(8, 60))
    gains = [compare(AUC, {"a": y + draw, "b": draw}, "a", "b", y, np.arange(60)) for draw in draws]
    found = mean_difference(gains)
    assert found is not None
    assert found.gain == pytest.approx(np.mean([one.gain for one in gains]))
    assert mean_difference([]) is None
