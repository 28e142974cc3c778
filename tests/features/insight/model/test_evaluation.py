"""Metrics equal those of other libraries, and the calibration tells a calibrated model from another."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from features.insight.group_size import K
from features.insight.model import evaluation
from features.insight.model.additive import Floats
from features.insight.model.card import Metric

RANDOM = np.random.default_rng(3)
PROBABILITY = RANDOM.beta(1, 3, 3000)
HAPPENED = (RANDOM.random(3000) < PROBABILITY).astype(float)


def test_metrics_equal_those_of_other_libraries() -> None:
    predicted = np.round(PROBABILITY, 2)
    assert evaluation.auc(predicted, HAPPENED) == pytest.approx(roc_auc_score(HAPPENED, predicted))
    assert evaluation.rank_correlation(predicted, HAPPENED) == pytest.approx(spearmanr(predicted, HAPPENED)[0])
    assert np.isnan(evaluation.auc(predicted, np.ones(3000)))


def test_a_calibrated_model_is_within_the_band_and_another_is_not() -> None:
    calibrated = evaluation.calibrate(PROBABILITY, HAPPENED, seed=0)
    assert calibrated.holds
    assert calibrated.error <= calibrated.band
    assert sum(calibrated.counts) == 3000
    assert np.ptp(calibrated.counts) == 0
    shifted = evaluation.calibrate(np.clip(PROBABILITY + 0.08, 0, 1), HAPPENED, seed=0)
    assert not shifted.holds
    assert shifted.error == pytest.approx(0.08, abs=0.02)


@pytest.mark.parametrize("count", [1, K - 1, K, 35, 101])
def test_no_bin_of_the_calibration_has_fewer_than_k_rows(count: int) -> None:
    found = evaluation.calibrate(PROBABILITY[:count], HAPPENED[:count], seed=0)
    assert len(found.observed) == max(min(count // K, 10), 1)
    assert all(size % K == 0 for size in found.counts)


def test_the_interval_of_a_difference_tells_a_better_model_from_an_equal_one() -> None:
    noisy = PROBABILITY + RANDOM.normal(0, 0.3, 3000)
    better = compared(evaluation.auc, PROBABILITY, noisy)
    assert better.is_ahead
    assert better.low < better.value < better.high
    assert not compared(evaluation.auc, PROBABILITY, PROBABILITY).is_ahead
    assert not compared(evaluation.mean_absolute_error, noisy, PROBABILITY, higher=False).is_ahead


def test_a_metric_that_is_not_defined_is_left_out() -> None:
    found = evaluation.compare("AUC", evaluation.auc, PROBABILITY, PROBABILITY, np.ones(3000), higher=True, seed=0)
    assert found is None


def compared(measure: evaluation.Measure, ours: Floats, theirs: Floats, *, higher: bool = True) -> Metric:
    found = evaluation.compare("metric", measure, ours, theirs, HAPPENED, higher=higher, seed=0)
    assert found is not None
    return found
