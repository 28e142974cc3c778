"""Clusters of sites are those of the pooled rows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.cluster import KMeans as Peer
from sklearn.metrics import adjusted_rand_score

from federated.k_means import KMeans
from federated.local_run import run_local
from federated.moments import standardised
from federated.plan import Plan
from federated.pooled import pool, train
from federated.schema import SiteTable
from tests.federated.sites import SCHEMA, MemorySite

TASK = KMeans(clusters=3, starts=6)


def groups(rows: int, seed: int, shares: tuple[float, float, float]) -> tuple[SiteTable, NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    centre = np.array([[2, 2, 0, 0], [-2, 0, 2, 0], [0, -2, 0, 2.0]])
    group = rng.choice(3, rows, p=shares)
    return SiteTable.of(SCHEMA, centre[group] + rng.normal(scale=0.4, size=(rows, 4)), np.zeros(rows)), group


def test_sites_with_one_group_each_find_all_groups() -> None:
    only = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)]
    parts = [groups(200, seed, shares) for seed, shares in enumerate(only)]
    sites = [MemorySite(f"site-{i}", part) for i, (part, _) in enumerate(parts)]
    state = run_local(Plan("k", TASK, SCHEMA, sites_min=3), sites).state
    whole, truth = pool([part for part, _ in parts]), np.concatenate([group for _, group in parts])
    assert adjusted_rand_score(truth, TASK.predict(state, whole.features)) > 0.98
    peer = Peer(3, n_init=6, random_state=0).fit(standardised(state, whole.features))
    assert state["inertia"].min() == pytest.approx(peer.inertia_, rel=1e-3)


def test_an_empty_site_changes_nothing() -> None:
    table, _ = groups(150, 3, (0.5, 0.3, 0.2))
    empty = table.take(np.zeros(150, dtype=bool))
    assert np.array_equal(train(TASK, [table, empty])["centre"], train(TASK, [table])["centre"])
    assert np.isfinite(train(TASK, [empty])["centre"]).all()


def test_a_customers_rows_change_the_clipped_sum_by_at_most_the_clip() -> None:
    table, _ = groups(90, 4, (0.5, 0.3, 0.2))
    for state in (TASK.start(SCHEMA), train(TASK, [table], rounds_max=3)):
        whole, less = (
            np.concatenate([value.ravel() for value in TASK.contribute_each(state, part, 0.7).values()])
            for part in (table, table.take(np.arange(90) != 5))
        )
        assert 0 < np.linalg.norm(whole - less) <= 0.7 + 1e-9
