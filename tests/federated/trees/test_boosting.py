"""Trees of sites equal trees of the pooled rows bit for bit, learn what a peer learns, and survive strange sites."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from federated.errors import BadSetting
from federated.local_run import run_local
from federated.plan import Plan, Privacy
from federated.pooled import pool, train
from federated.schema import Column, Kind, SiteTable, TableSchema
from federated.task import State
from federated.trees import grid
from federated.trees.boosting import BoostedTrees
from federated.trees.growth import SplitRule, split_level
from tests.federated.sites import MemorySite

TASK = BoostedTrees(trees=12, depth=3)
FEATURES = 5


def make_table(rows: int, seed: int, kind: Kind = "binary", first: int = 0) -> SiteTable:
    """Rows with a skewed, a zero-inflated and a binary feature; the outcome depends on a product of two."""
    upper = {"binary": 1.0, "count": 40.0, "number": 10.0}[kind]
    schema = TableSchema(
        tuple(Column(f"f{i}", "number", 0.0, 1000.0) for i in range(FEATURES)),
        Column("y", kind, 0.0, upper),
        rows_max=20_000,
    )
    rng = np.random.default_rng(seed)
    x = np.exp(rng.normal(size=(rows, FEATURES)))
    x[:, 0] = rng.integers(0, 2, rows)
    x[:, 1] = rng.poisson(2, rows) * (rng.random(rows) < 0.5)
    score = np.log(x[:, 2]) * np.log(x[:, 3]) + 2 * x[:, 0] * (x[:, 1] > 1)
    mean = 1 / (1 + np.exp(-score))
    y = {"binary": rng.random(rows) < mean, "count": rng.poisson(3 * mean), "number": 10 * mean}[kind]
    return SiteTable.of(schema, x, y, np.arange(first, first + rows))


def cut(data: SiteTable, sites: int) -> list[SiteTable]:
    """Gives the rows to sites of different sizes, the last of them without rows."""
    place = np.random.default_rng(1).choice(sites, len(data), p=np.arange(sites) / np.arange(sites).sum())
    return [data.take(place == site) for site in reversed(range(sites))]


def same(one: State, other: State) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("kind", ["binary", "count", "number"])
def test_trees_of_sites_equal_those_of_the_pooled_rows_bit_for_bit(kind: Kind) -> None:
    data = make_table(3000, 0, kind)
    central = train(TASK, [data])
    assert same(train(TASK, cut(data, 7)), central)
    assert np.corrcoef(TASK.predict(central, data.features), data.target)[0, 1] > 0.3


def test_without_the_grid_the_sums_depend_on_the_sites(monkeypatch: pytest.MonkeyPatch) -> None:
    data = make_table(3000, 0)
    monkeypatch.setattr(grid, "SUM_BITS", 200)
    assert not same(train(TASK, cut(data, 7)), train(TASK, [data]))


def test_a_masked_run_gives_the_same_trees() -> None:
    data = make_table(1500, 3)
    task = BoostedTrees(trees=4, depth=3)
    sites = [MemorySite(f"site-{i}", part) for i, part in enumerate(cut(data, 4))]
    outcome = run_local(Plan("trees", task, data.schema, sites_min=3, rounds_max=200), sites)
    assert same(outcome.state, train(task, [data]))


def test_a_peer_on_the_pooled_rows_is_no_better() -> None:
    data, held = make_table(5000, 4), make_table(5000, 5)
    task = BoostedTrees(trees=40)
    with threadpool_limits(1):
        peer = HistGradientBoostingClassifier(
            max_iter=40, learning_rate=0.15, max_depth=4, max_bins=64, l2_regularization=1.0, early_stopping=False
        ).fit(data.features, data.target)
    ours = roc_auc_score(held.target, task.predict(train(task, cut(data, 5)), held.features))
    assert ours > roc_auc_score(held.target, peer.predict_proba(held.features)[:, 1]) - 0.01


def test_splits_are_the_best_of_all_by_brute_force() -> None:
    rng = np.random.default_rng(6)
    g, h, n = rng.normal(size=(4, 3, 8)), rng.random((4, 3, 8)), rng.integers(0, 9, (4, 3, 8)).astype(float)
    for sums in (g, h, n):
        sums[:, 1:] *= (sums[:, :1].sum(axis=2) / sums[:, 1:].sum(axis=2))[:, :, None]
    rule = SplitRule(ridge=1.0, rows_min=5.0, gain_min=0.0)
    found = split_level(g, h, n, rule)

    def gain(node: int, feature: int, place: int) -> float:
        left = slice(0, place + 1)
        sides = [
            (sums[node, feature, left].sum(), sums[node, feature, place + 1 :].sum(), sums[node, feature].sum())
            for sums in (g, h, n)
        ]
        if min(sides[2][:2]) < rule.rows_min or min(sides[1][:2]) < 1e-3:
            return 0.0
        a, b, whole = (sides[0][i] ** 2 / (sides[1][i] + rule.ridge) for i in range(3))
        return float(a + b - whole) / 2

    for node in range(4):
        every = [gain(node, feature, place) for feature in range(3) for place in range(7)]
        chosen = gain(node, int(found.feature[node]), int(found.bin[node])) if found.bin[node] < 7 else 0.0
        assert chosen == pytest.approx(max(0.0, *every))


def test_bins_hold_about_equal_shares_of_a_skewed_feature() -> None:
    data = make_table(20_000, 7)
    edges = train(TASK, [data])["edges"]
    shares = np.bincount(np.searchsorted(edges[2], data.features[:, 2]), minlength=64) / len(data)
    assert shares.max() < 2 / 64
    assert edges[0][0] == pytest.approx(0.5, abs=0.01)
    assert np.isinf(edges[0][1:]).all()


def strange(name: str) -> SiteTable:
    data = make_table(400, 8, first=50_000)
    return {
        "empty": data.take(np.zeros(400, dtype=bool)),
        "tiny": data.take(np.arange(3)),
        "one class": replace(data, target=np.ones(400)),
        "constant": replace(data, features=np.ones((400, FEATURES))),
        "at the bounds": replace(data, features=np.full((400, FEATURES), 1000.0)),
    }[name]


@pytest.mark.parametrize("name", ["empty", "tiny", "one class", "constant", "at the bounds"])
def test_a_strange_site_spoils_no_model_and_trains_alone(name: str) -> None:
    data, held, odd = make_table(3000, 9), make_table(3000, 10), strange(name)
    alone = TASK.predict(train(TASK, [odd]), held.features)
    assert np.isfinite(alone).all()
    together = TASK.predict(train(TASK, [data, odd]), held.features)
    without = TASK.predict(train(TASK, [data]), held.features)
    assert roc_auc_score(held.target, together) > roc_auc_score(held.target, without) - 0.03


def test_a_customers_rows_change_the_clipped_sum_by_at_most_the_clip() -> None:
    data = make_table(600, 11)
    data = replace(data, customer=data.customer // 3)
    task = replace(TASK, is_private=True)
    state = train(task, [data], rounds_max=task.survey_rounds + 4)
    for state_now in (task.start(data.schema), state):
        for clip in (0.5, 4.0):
            whole = flat(task.contribute_each(state_now, data, clip))
            for customer in (0, 17, 130):
                less = flat(task.contribute_each(state_now, data.take(data.customer != customer), clip))
                assert np.linalg.norm(whole - less) <= clip * (1 + 1e-12)
        unclipped = flat(task.contribute(state_now, data)) - flat(
            task.contribute(state_now, data.take(data.customer != 0))
        )
        assert np.linalg.norm(unclipped) > 0.5


def test_trees_with_noise_learn_and_need_the_private_form() -> None:
    task = BoostedTrees(trees=8, depth=3, learning_rate=0.4, survey_rounds=2, bins=16, buckets=32, is_private=True)
    held = make_table(3000, 9)
    sites = [MemorySite(f"site-{seed}", make_table(3000, seed, first=seed * 10_000)) for seed in range(3)]
    plan = Plan("noisy", task, held.schema, sites_min=3, rounds_max=99, privacy=Privacy(3.5, 0.5))
    state = run_local(plan, sites).state
    assert roc_auc_score(held.target, task.predict(state, held.features)) > 0.6
    assert len(sites[0].debits) == 2 + 8 * 3
    with pytest.raises(BadSetting, match="is_private"):
        TASK.contribute_each(TASK.start(held.schema), held, 1.0)


def flat(arrays: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate([np.ravel(arrays[name]) for name in sorted(arrays)])


def test_training_stops_when_held_back_customers_gain_nothing_more() -> None:
    data = make_table(400, 12)
    noise = replace(data, target=np.random.default_rng(0).integers(0, 2, 400).astype(float))
    task = BoostedTrees(trees=40, depth=3, patience=3)
    state = train(task, [noise])
    assert int(state["round"]) < task.survey_rounds + 40 * 3
    assert task.trees_used(state) <= int(state["validation_loss"].argmin())


@pytest.mark.parametrize("setting", [{"trees": 0}, {"bins": 1}, {"depth": 11}, {"validation_share": 1.0}])
def test_settings_without_meaning_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(BadSetting, match="Trees need"):
        BoostedTrees(**setting)  # type: ignore[arg-type]


def test_pooled_rows_are_those_of_all_sites() -> None:
    data = make_table(50, 13)
    assert sorted(pool(cut(data, 4)).customer.tolist()) == data.customer.tolist()
