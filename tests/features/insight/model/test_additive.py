"""Additive models find a known function, and their effects add up."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from features.insight.group_size import K
from features.insight.model.additive import KNOTS, _hats, fit_additive

RANDOM = np.random.default_rng(1)
COLUMNS = {
    "straight": RANDOM.uniform(-1, 1, 4000),
    "bent": RANDOM.uniform(-1, 1, 4000),
    "noise": RANDOM.uniform(-1, 1, 4000),
}
COLUMNS["bent"][::10] = np.nan
SIGNAL = 2 * COLUMNS["straight"] + np.where(np.isnan(COLUMNS["bent"]), 0.7, np.abs(COLUMNS["bent"]))


def test_a_known_sum_of_functions_is_found() -> None:
    model = fit_additive(COLUMNS, SIGNAL, is_binary=False, penalty=1e-6)
    assert np.abs(model.predict(COLUMNS) - SIGNAL).max() < 0.15
    shapes = {shape.feature: shape for shape in model.shapes}
    assert np.ptp(shapes["straight"].values) == pytest.approx(4, abs=0.1)
    assert np.ptp(shapes["noise"].values) < 0.05
    assert len(shapes["bent"].knots) == KNOTS


def test_the_odds_of_an_event_are_found() -> None:
    happened = (RANDOM.random(4000) < 1 / (1 + np.exp(-SIGNAL))).astype(float)
    model = fit_additive(COLUMNS, happened, is_binary=True, penalty=1e-4)
    assert np.corrcoef(model.predict(COLUMNS), SIGNAL)[0, 1] > 0.95


def test_effects_have_mean_zero_and_add_up_to_the_prediction() -> None:
    model = fit_additive(COLUMNS, SIGNAL, is_binary=False, penalty=1e-3)
    effects = model.effects(COLUMNS)
    assert effects.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)
    assert model.base + effects.sum(axis=1) == pytest.approx(model.predict(COLUMNS), abs=1e-9)


def test_the_weights_are_those_of_scikit_learn() -> None:
    design = np.hstack(
        [
            _hats(values, np.array(shape.knots)).toarray()
            for values, shape in zip(
                COLUMNS.values(), fit_additive(COLUMNS, SIGNAL, is_binary=False, penalty=0.01).shapes, strict=True
            )
        ]
    )
    peer = Ridge(alpha=0.01 * len(SIGNAL)).fit(design, SIGNAL)
    model = fit_additive(COLUMNS, SIGNAL, is_binary=False, penalty=0.01)
    assert model.predict(COLUMNS) == pytest.approx(peer.predict(design), abs=1e-9)


@pytest.mark.parametrize("is_binary", [False, True])
def test_a_feature_with_a_great_penalty_of_its_own_is_as_good_as_left_out(is_binary: bool) -> None:
    truth = np.greater(SIGNAL, SIGNAL.mean()).astype(float) if is_binary else SIGNAL
    penalty = {name: 1e6 if name == "bent" else 0.003 for name in COLUMNS}
    model = fit_additive(COLUMNS, truth, is_binary=is_binary, penalty=penalty)
    others = {name: COLUMNS[name] for name in ("straight", "noise")}
    without = fit_additive(others, truth, is_binary=is_binary, penalty=0.003)
    assert model.predict(COLUMNS) == pytest.approx(without.predict(others), abs=0.01)
    equal = fit_additive(COLUMNS, truth, is_binary=is_binary, penalty=dict.fromkeys(COLUMNS, 0.003))
    assert equal == fit_additive(COLUMNS, truth, is_binary=is_binary, penalty=0.003)
    assert np.abs(equal.predict(COLUMNS) - without.predict(others)).max() > 0.3


def test_a_column_without_values_or_with_one_value_has_no_effect() -> None:
    columns = {**COLUMNS, "empty": np.full(4000, np.nan), "constant": np.ones(4000)}
    model = fit_additive(columns, SIGNAL, is_binary=False, penalty=1e-3)
    assert model.effects(columns)[:, 3:] == pytest.approx(np.zeros((4000, 2)), abs=1e-9)
    assert np.isfinite(model.predict({name: np.array([np.nan, 5.0]) for name in columns})).all()


def test_a_model_keeps_no_value_of_fewer_than_k_customers() -> None:
    values = np.random.default_rng(3).lognormal(3, 1, 500)
    for most_rows in (1, 4):
        model = fit_additive({"spend": values}, values, is_binary=False, penalty=0.001, most_rows=most_rows)
        knots, known = model.shapes[0].knots, np.sort(values)
        assert min(knots) == pytest.approx(known[: K * most_rows].mean(), rel=0.01)
        assert max(knots) == pytest.approx(known[-K * most_rows :].mean(), rel=0.01)
        assert not set(knots) & set(values.tolist())


def test_a_feature_that_fewer_than_two_groups_have_has_no_effect() -> None:
    values = np.where(np.arange(500) < 2 * K - 1, RANDOM.uniform(0, 1, 500), np.nan)
    model = fit_additive({"rare": values}, RANDOM.uniform(0, 1, 500), is_binary=False, penalty=0.001)
    assert len(model.shapes[0].knots) == 1
