"""Federated generalised linear models against an independent fit on the pooled rows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.optimize import minimize

from federated.errors import BadSetting, DataRefused, SchemaMismatch
from federated.glm import Family, Glm
from federated.local_run import run_local
from federated.plan import Plan
from federated.schema import Column, SiteTable, TableSchema
from tests.federated.sites import OPEN, SCHEMA, MemorySite, make_sites

COUNTS = dataclasses.replace(SCHEMA, target=Column("orders", "count", 0.0, 20.0))
AMOUNTS = dataclasses.replace(SCHEMA, target=Column("amount", "number", -10.0, 40.0))


def _sites(family: Family) -> list[MemorySite]:
    sites, rng = make_sites(4), np.random.default_rng(9)
    if family == "logistic":
        return sites
    for site in sites:
        eta = site.table.features @ np.array([0.3, -0.2, 0.1, 0.4])
        if family == "poisson":
            target, schema = rng.poisson(np.exp(eta)), COUNTS
        else:
            target, schema = 15 + 3 * eta + rng.normal(size=len(eta)), AMOUNTS
        site.table = SiteTable.of(schema, site.table.features, target)
    return sites


@pytest.mark.parametrize("family", ["linear", "logistic", "poisson"])
def test_federated_coefficients_are_those_of_a_general_optimiser_on_the_pooled_rows(family: Family) -> None:
    sites = _sites(family)
    plan = Plan("run", Glm(family), sites[0].table.schema, is_secure=False)
    outcome = run_local(plan, sites, config=OPEN)
    features = np.concatenate([plan.schema.scaled(site.table.features) for site in sites])
    x = np.column_stack([np.ones(len(features)), features])
    y = np.concatenate([site.table.target for site in sites])
    shift = outcome.state["target"].mean() if family == "linear" else 0.0

    def objective(beta: np.ndarray) -> float:
        eta = x @ beta
        loss = {
            "linear": (eta - (y - shift)) ** 2 / 2,
            "logistic": np.logaddexp(0, eta) - y * eta,
            "poisson": np.exp(eta) - y * eta,
        }[family].sum()
        return float(loss + plan.task.ridge / 2 * (beta[1:] ** 2).sum())  # type: ignore[attr-defined]

    oracle = minimize(objective, np.zeros(x.shape[1]), tol=1e-12)
    assert outcome.is_done
    np.testing.assert_allclose(outcome.state["coefficient"], oracle.x, atol=2e-5)
    assert len(outcome.history) <= 8


def test_sums_do_not_depend_on_how_the_rows_are_split_into_sites() -> None:
    sites = make_sites(6)
    together = [
        MemorySite(name, SiteTable.of(SCHEMA, np.concatenate(xs), np.concatenate(ys)))
        for name, xs, ys in [
            ("a", [s.table.features for s in sites[:1]], [s.table.target for s in sites[:1]]),
            ("b", [s.table.features for s in sites[1:]], [s.table.target for s in sites[1:]]),
        ]
    ]
    plan = Plan("run", Glm(), SCHEMA, is_secure=False)
    six, two = run_local(plan, sites, config=OPEN), run_local(plan, together, config=OPEN)
    np.testing.assert_allclose(six.state["coefficient"], two.state["coefficient"], atol=1e-9)


def test_a_step_that_raises_the_loss_is_halved() -> None:
    schema = TableSchema((Column("x", "number", -1.0, 1.0),), COUNTS.target, rows_max=100)
    site = MemorySite("a", SiteTable.of(schema, np.full((50, 1), 1.0), np.full(50, 20.0)))
    outcome = run_local(Plan("run", Glm("poisson", ridge=1e-6), schema, sites_min=1, is_secure=False), [site], config={
        "secure-only": False, "sites-min": 1,
    })  # fmt: skip
    losses = [record["change"]["loss"] for record in outcome.history]
    assert losses == sorted(losses, reverse=True)
    assert outcome.is_done
    assert Glm("poisson").predict(outcome.state, np.array([[1.0]])) == pytest.approx(20.0, abs=1e-3)


def test_an_empty_site_and_a_site_of_one_class_change_nothing_but_their_rows() -> None:
    sites = make_sites(3)
    ones = MemorySite("ones", SiteTable.of(SCHEMA, sites[0].table.features, np.ones(300)))
    empty = MemorySite("empty", SiteTable.of(SCHEMA, np.zeros((0, 4)), np.zeros(0)))
    plan = Plan("run", Glm(), SCHEMA, is_secure=False)
    with_empty, without = (
        run_local(plan, [*sites, ones, empty], config=OPEN),
        run_local(plan, [*sites, ones], config=OPEN),
    )
    np.testing.assert_array_equal(with_empty.state["coefficient"], without.state["coefficient"])


def test_clipped_sum_of_customers_equals_a_loop_over_customers() -> None:
    site, task = make_sites(1)[0], Glm(is_private=True)
    customers = np.random.default_rng(3).integers(0, 40, len(site.table))
    table = dataclasses.replace(site.table, customer=customers)
    state, clip = task.start(SCHEMA), 0.8
    expected, largest = np.zeros(5 + 15), 0.0
    for customer in range(40):
        part = task.contribute(state, table.take(customers == customer))
        vector = np.concatenate([part["gradient"], part["hessian"]])
        vector *= min(1.0, clip / max(float(np.linalg.norm(vector)), 1e-300))
        largest = max(largest, float(np.linalg.norm(vector)))
        expected += vector
    found = task.contribute_each(state, table, clip)
    both = np.concatenate([found["gradient"], found["hessian"]])
    np.testing.assert_allclose(both, expected, rtol=0, atol=40 * clip * 2.0**-29)
    assert largest == pytest.approx(clip), "the clip was reached, so the test shows something"


def test_every_contribution_stays_within_its_declared_bound() -> None:
    for family in ("linear", "logistic", "poisson"):
        for site in _sites(family):
            task = Glm(family)
            state = {**task.start(site.table.schema), "coefficient": np.full(5, 50.0)}
            sums = task.contribute(state, site.table)
            for spec in task.shapes(state):
                assert sums[spec.name].shape == spec.shape
                assert np.abs(sums[spec.name]).max() <= spec.bound


def test_tables_with_missing_values_other_columns_or_too_many_rows_are_refused() -> None:
    rows = np.zeros((3, 4))
    with pytest.raises(DataRefused, match="feature_2"):
        SiteTable.of(SCHEMA, [[0, 0, np.nan, 0]] * 3, np.zeros(3))
    with pytest.raises(SchemaMismatch, match="4 features"):
        SiteTable.of(SCHEMA, np.zeros((3, 5)), np.zeros(3))
    with pytest.raises(DataRefused, match="more than 2 rows"):
        SiteTable.of(dataclasses.replace(SCHEMA, rows_max=2), rows, np.zeros(3))
    assert SiteTable.of(SCHEMA, rows + 99, np.zeros(3)).features.max() == 4.0


def test_settings_that_give_no_model_are_refused() -> None:
    with pytest.raises(BadSetting, match="ridge"):
        Glm(ridge=0)
    with pytest.raises(BadSetting, match="binary"):
        Glm("logistic").start(COUNTS)
    with pytest.raises(BadSetting, match="no family"):
        Glm("gamma")  # type: ignore[arg-type]
