"""A network of sites learns what is not linear; its gradients are right, and customers can be clipped."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from federated.errors import BadSetting
from federated.layers import Layers
from federated.local_run import run_local
from federated.loss import Loss
from federated.network import Network
from federated.plan import Plan, Privacy
from federated.pooled import states, train
from federated.schema import Column, SiteTable, TableSchema
from tests.federated.sites import SCHEMA, MemorySite

TASK = Network(hidden=8, rounds=25, batch_rows=32, local_epochs=4)


def curved(rows: int, seed: int, shift: float = 0.0) -> SiteTable:
    """Rows whose outcome is the sign of a product, which no linear model can learn."""
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1.0, size=(rows, 4))
    return SiteTable.of(SCHEMA, x, rng.random(rows) < 1 / (1 + np.exp(-3 * x[:, 0] * x[:, 1])))


@pytest.mark.parametrize("task", [TASK, replace(TASK, proximal=0.01), replace(TASK, server="adam", layers=2)])
def test_sites_together_learn_a_product_of_features(task: Network) -> None:
    held = curved(2000, 9)
    state = train(task, [curved(400, 1), curved(200, 2, 0.5), curved(50, 3), curved(0, 4)])
    assert roc_auc_score(held.target, task.predict(state, held.features)) > 0.8


def test_a_masked_run_gives_the_same_bits() -> None:
    tables = [curved(60, seed) for seed in range(3)]
    task = replace(TASK, rounds=3)
    sites = [MemorySite(f"site-{i}", table) for i, table in enumerate(tables)]
    outcome = run_local(Plan("network", task, SCHEMA, sites_min=3), sites)
    assert np.array_equal(outcome.state["weights"], train(task, tables)["weights"])


@pytest.mark.parametrize("kind", ["binary", "count", "number"])
def test_gradients_equal_finite_differences(kind: str) -> None:
    rng, layers = np.random.default_rng(0), Layers((3, 4, 1))
    loss = Loss(Column("y", kind, 0.0, 1.0 if kind == "binary" else 5.0))  # type: ignore[arg-type]
    weights, x = rng.normal(size=layers.size) / 3, rng.normal(size=(6, 3))
    y = rng.integers(0, 2, 6).astype(float)
    rows = layers.gradient_rows(weights, x, y, loss)
    for place in range(layers.size):
        step = np.zeros(layers.size)
        step[place] = 1e-6
        ahead, behind = (loss.value(layers.score(weights + sign * step, x), y) for sign in (1, -1))
        assert rows[:, place] == pytest.approx((ahead - behind) / 2e-6, abs=1e-6)
    assert layers.gradient(weights, x, y, loss) == pytest.approx(rows.sum(axis=0))


def test_a_site_with_other_outcomes_moves_the_weights_by_a_bounded_step() -> None:
    honest, poisoned = curved(100, 1), curved(100, 2)
    poisoned = replace(poisoned, target=1 - poisoned.target)
    task = replace(TASK, learning_rate=50.0, update_max=0.2, rounds=3)
    steps = [state["weights"] for state in states(task, [honest, poisoned])]
    assert max(np.abs(after - before).max() for before, after in pairwise(steps)) <= 0.2 + 1e-9
    loose = [state["weights"] for state in states(replace(task, update_max=1e6), [honest, poisoned])]
    assert max(np.abs(after - before).max() for before, after in pairwise(loose)) > 0.2


def flat(arrays: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate([np.ravel(arrays[name]) for name in sorted(arrays)])


def test_a_customers_rows_change_the_clipped_gradient_by_at_most_the_clip() -> None:
    task, data = replace(TASK, is_private=True), curved(90, 5)
    data = replace(data, customer=np.arange(90) // 3)
    for state in (task.start(SCHEMA), train(task, [data], rounds_max=2)):
        for clip in (0.3, 2.0):
            whole = flat(dict(task.contribute_each(state, data, clip)))
            less = flat(dict(task.contribute_each(state, data.take(data.customer != 7), clip)))
            assert np.linalg.norm(whole - less) <= clip + 1e-9
        exact = flat(dict(task.contribute(state, data))) - flat(
            dict(task.contribute(state, data.take(data.customer != 7)))
        )
        assert np.linalg.norm(exact) > 0.3


def test_noise_needs_the_private_form() -> None:
    data = curved(30, 1)
    with pytest.raises(BadSetting, match="is_private"):
        TASK.contribute_each(TASK.start(SCHEMA), data, 1.0)


def test_a_run_with_noise_still_learns() -> None:
    task = replace(TASK, is_private=True, rounds=60, learning_rate=0.2, server="adam", hidden=6)
    sites = [MemorySite(f"site-{seed}", curved(1500, seed)) for seed in range(3)]
    plan = Plan("noisy", task, SCHEMA, sites_min=3, rounds_max=200, privacy=Privacy(2.0, 2.0))
    held = curved(2000, 9)
    state = run_local(plan, sites).state
    assert roc_auc_score(held.target, task.predict(state, held.features)) > 0.7
    assert len(sites[0].debits) == 61


def test_counts_and_numbers_are_predicted_in_their_own_unit() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(800, 4))
    for kind, upper, mean in (("count", 60.0, np.exp(1 + 0.5 * x[:, 0])), ("number", 200.0, 80 + 20 * x[:, 0])):
        schema = TableSchema(SCHEMA.columns, Column("y", kind, 0.0, upper), rows_max=1000)  # type: ignore[arg-type]
        task = replace(TASK, learning_rate=0.02 if kind == "count" else 0.1)
        state = train(task, [SiteTable.of(schema, x, rng.poisson(mean) if kind == "count" else mean)])
        found = task.predict(state, x)
        assert np.corrcoef(found, mean)[0, 1] > 0.9
        assert found.mean() == pytest.approx(mean.mean(), rel=0.1)
