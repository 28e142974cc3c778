"""The local offset follows the site where it differs and the federation where it does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from federated.errors import CheckpointRefused
from federated.glm import Glm
from federated.local_offset import LocalOffset, fit_offset
from federated.pooled import train
from federated.schema import SiteTable
from federated.trees.boosting import BoostedTrees
from tests.federated.sites import SCHEMA

TASK = Glm()


def rows(count: int, seed: int, effect: float = 1.0, level: float = 0.0) -> SiteTable:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 4))
    score = effect * (x[:, 0] - x[:, 1]) + level
    return SiteTable.of(SCHEMA, x, rng.random(count) < 1 / (1 + np.exp(-score)))


def auc_of(data: SiteTable, prediction: np.ndarray) -> float:
    return float(roc_auc_score(data.target, prediction))


def test_a_site_with_the_opposite_effect_gets_a_model_as_good_as_its_own() -> None:
    others, site, held = [rows(1000, seed) for seed in range(4)], rows(800, 9, effect=-1.0), rows(3000, 10, effect=-1.0)
    state = train(TASK, [*others, site])
    offset = fit_offset(TASK, state, site)
    assert auc_of(held, TASK.predict(state, held.features)) < 0.4
    corrected = auc_of(held, offset.predict(TASK, state, SCHEMA, held.features))
    assert corrected > auc_of(held, TASK.predict(offset.local, held.features)) - 0.005


def test_a_site_like_the_others_with_few_rows_keeps_the_federated_model() -> None:
    others, site, held = [rows(1000, seed) for seed in range(4)], rows(60, 5), rows(3000, 10)
    state = train(TASK, [*others, site])
    offset = fit_offset(TASK, state, site)
    federated, local = (auc_of(held, TASK.predict(one, held.features)) for one in (state, offset.local))
    corrected = auc_of(held, offset.predict(TASK, state, SCHEMA, held.features))
    assert corrected > local
    assert corrected > federated - 0.01


@pytest.mark.parametrize("task", [TASK, BoostedTrees(trees=5, depth=2)])
def test_another_base_rate_is_corrected(task: Glm | BoostedTrees) -> None:
    site = rows(600, 3, level=-2.0)
    state = train(task, [*[rows(2000, seed, level=1.0) for seed in range(3)], site])
    held = rows(3000, 11, level=-2.0)
    corrected = fit_offset(task, state, site).predict(task, state, SCHEMA, held.features)
    assert corrected.mean() == pytest.approx(held.target.mean(), abs=0.03)
    assert task.predict(state, held.features).mean() > held.target.mean() + 0.1


@pytest.mark.parametrize("count", [0, 1, 5])
def test_sites_with_hardly_any_rows_or_one_class_get_a_finite_correction(count: int) -> None:
    site = rows(count, 3)
    state = train(TASK, [rows(500, 1), site])
    for data in (site, replace(site, target=np.ones(count)), replace(site, features=np.ones((count, 4)))):
        predicted = fit_offset(TASK, state, data).predict(TASK, state, SCHEMA, rows(50, 4).features)
        assert np.isfinite(predicted).all()
    if count == 0:
        held = rows(50, 4).features
        found = fit_offset(TASK, state, site).predict(TASK, state, SCHEMA, held)
        assert found == pytest.approx(TASK.predict(state, held), abs=1e-9)


def test_an_offset_survives_being_written_as_arrays() -> None:
    site = rows(200, 3)
    state = train(TASK, [rows(500, 1), site])
    offset, held = fit_offset(TASK, state, site), rows(50, 4).features
    again = LocalOffset.from_arrays(offset.to_arrays())
    assert np.array_equal(again.predict(TASK, state, SCHEMA, held), offset.predict(TASK, state, SCHEMA, held))
    with pytest.raises(CheckpointRefused, match="share"):
        LocalOffset.from_arrays({name: array for name, array in offset.to_arrays().items() if name != "share"})
