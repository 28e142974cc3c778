"""The report names sites that lose, contributions and what is missing; figures of few customers stay at the site."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from federated.errors import PayloadRefused
from federated.glm import Glm
from federated.local_run import report_local, run_local
from federated.plan import Plan
from federated.pooled import pool, states, train
from federated.schema import SiteTable
from federated.worth.contribution import leave_one_out, shapley, training_value
from federated.worth.curve import learning_curve
from federated.worth.difference import compare
from federated.worth.holdout import split_by_customer
from federated.worth.metric import auc, metrics_of
from federated.worth.report import make_report
from federated.worth.site_worth import SiteWorth, Trained, evaluate_site
from tests.federated.sites import OPEN, SCHEMA, MemorySite
from tests.federated.test_local_offset import rows

TASK = Glm()


def figures(site: str, gain: float, people: int = 400) -> SiteWorth:
    """Figures of a site whose federated model and offset are better than its local model by about `gain`."""
    rng = np.random.default_rng(people)
    y = np.tile([0.0, 1.0], people // 2)
    noise = rng.normal(size=(2, people))
    predictions = {"federated": (1 + 8 * gain) * y + noise[0], "local": y + noise[1]}
    predictions["local_offset"] = predictions["federated"]
    metric = metrics_of("binary")[0]
    pairs = [("federated", "local"), ("local_offset", "local")]
    found = tuple(compare(metric, predictions, a, b, y, np.arange(people)) for a, b in pairs)
    return SiteWorth(site, 100, people, {"federated": {"auc": 0.7}}, found, {})


def test_sites_that_lose_are_named_and_others_are_not() -> None:
    sites = [figures("gains", 0.1), figures("loses", -0.1), figures("same", 0.0), figures("also same", 0.0, 300)]
    report = make_report("binary", sites)
    assert report.losing == ("loses",)
    assert report.comparison("federated", "local").gaining == ("gains",)
    again = json.loads(report.to_json())
    assert again["losing"] == ["loses"]
    assert len(again["sites"]) == 4


def test_figures_of_too_few_customers_of_an_outcome_do_not_leave_the_site() -> None:
    site, held = rows(300, 1), rows(300, 2)
    trained = Trained(TASK, train(TASK, [site]))
    few = replace(held, target=(np.arange(300) < 9).astype(float))
    found = evaluate_site("small", trained, site, few)
    assert (found.metrics, found.differences, found.calibration) == ({}, (), {})
    assert "fewer than 10" in found.reason
    report = make_report("binary", [found])
    assert report.notes == ("Site small has no figures: fewer than 10 held-out customers of each outcome.",)
    assert evaluate_site("large", trained, site, held).metrics["federated"]["auc"] > 0.7


def test_figures_in_another_form_are_refused() -> None:
    good = figures("a", 0.1).to_json()
    assert SiteWorth.from_json(good).to_json() == good
    body = json.loads(good)
    for change in (
        {"customers": [1]},
        {"metrics": {"local": {"auc": "x"}}},
        {"metrics": {"local": {"auc": float("nan")}}},
    ):
        with pytest.raises(PayloadRefused):
            SiteWorth.from_json(json.dumps({**body, **change}))
    for bad in ("[]", "{}", "no JSON"):
        with pytest.raises(PayloadRefused):
            SiteWorth.from_json(bad)


def test_the_central_model_is_that_of_the_federation() -> None:
    sites = [rows(200, seed) for seed in range(3)]
    trained = Trained(TASK, train(TASK, sites), central=train(TASK, [pool(sites)]))
    report = make_report("binary", [evaluate_site(str(i), trained, site, rows(500, 9)) for i, site in enumerate(sites)])
    found = report.comparison("federated", "central")
    assert max(abs(gain) for gain in found.gains.values()) < 1e-6
    assert not found.worse


def test_a_run_reports_figures_of_customers_that_trained_nothing() -> None:
    sites = [MemorySite(f"site-{seed}", rows(400, seed)) for seed in range(3)]
    plan = Plan("run", TASK, SCHEMA, sites_min=3, held_share=0.25)
    outcome = run_local(plan, sites)
    parts = [split_by_customer(site.table, 0.25)[0] for site in sites]
    assert outcome.state["coefficient"] == pytest.approx(train(TASK, parts)["coefficient"], abs=1e-9)
    report = report_local(plan, sites, outcome.state)
    assert [site.site for site in report.sites] == ["site-0", "site-1", "site-2"]
    assert all(site.test_rows + site.train_rows == 400 and site.metrics for site in report.sites)


@pytest.mark.parametrize(
    ("plan", "config", "reason"),
    [({"held_share": 0.25}, {"private-only": True}, "noise only"), ({}, OPEN, "held out no customers")],
)
def test_a_site_refuses_figures_without_noise_or_held_out_customers(
    plan: Mapping[str, float], config: Mapping[str, bool], reason: str
) -> None:
    sites = [MemorySite(f"site-{seed}", rows(100, seed)) for seed in range(3)]
    report = report_local(Plan("run", TASK, SCHEMA, sites_min=3, **plan), sites, TASK.start(SCHEMA), config)  # type: ignore[arg-type]
    assert not report.sites
    assert len(report.notes) == 3
    assert reason in report.notes[0]


def test_customers_are_held_out_with_all_their_rows_in_every_read() -> None:
    data = replace(rows(3000, 1), customer=np.array([f"c{i // 3}" for i in range(3000)]))
    fit, held = split_by_customer(data, 0.25)
    assert not set(fit.customer) & set(held.customer)
    assert len(held) / 3000 == pytest.approx(0.25, abs=0.04)
    shuffled = data.take(np.random.default_rng(0).permutation(3000)[:2000])
    assert set(split_by_customer(shuffled, 0.25)[1].customer) <= set(held.customer)


def groups(count: int) -> tuple[dict[str, SiteTable], dict[str, SiteTable]]:
    fit = {f"s{seed}": rows(80, seed) for seed in range(count)}
    return fit, {name: rows(400, 100 + place) for place, name in enumerate(fit)}


def test_shapley_values_equal_the_mean_over_all_orders() -> None:
    fit, held = groups(4)
    fit["s2"] = replace(fit["s2"], target=1 - fit["s2"].target)
    value = training_value(TASK, fit, held)
    brute = dict.fromkeys(fit, 0.0)
    for order in permutations(fit):
        for place, site in enumerate(order):
            brute[site] += (value(frozenset(order[: place + 1])) - value(frozenset(order[:place]))) / 24
    found = {one.site: one.value for one in shapley(list(fit), value)}
    assert found == pytest.approx(brute)
    assert sum(found.values()) == pytest.approx(value(frozenset(fit)) - value(frozenset()))
    assert min(found, key=lambda site: found[site]) == "s2"
    assert value(frozenset()) == 0.5
    left_out = {one.site: one.value for one in leave_one_out(list(fit), value)}
    assert left_out["s0"] == value(frozenset(fit)) - value(frozenset(fit) - {"s0"})


def test_sampled_shapley_values_lie_within_their_errors() -> None:
    weight = {f"s{i}": float(i) for i in range(8)}

    def value(group: frozenset[str]) -> float:
        return float(np.sqrt(sum(weight[site] for site in group)))

    exact = dict.fromkeys(weight, 0.0)
    orders = list(permutations(weight))[::7]
    for order in orders:
        total = 0.0
        for site in order:
            exact[site] += (np.sqrt(total + weight[site]) - np.sqrt(total)) / len(orders)
            total += weight[site]
    for one in shapley(list(weight), value, orders=200):
        assert abs(one.value - exact[one.site]) <= 4 * one.error + 0.01


def test_the_curve_ends_at_the_metric_of_the_model() -> None:
    fit, held = groups(3)
    held["tiny"] = rows(12, 5)
    every = list(states(TASK, list(fit.values())))
    curve = learning_curve(TASK, every, held)
    assert curve[0].round == 1
    assert curve[-1].round == len(every)
    assert set(curve[-1].sites) == set(fit)
    data = held["s0"]
    assert curve[-1].sites["s0"] == auc(TASK.predict(every[-1], data.features), data.target)[0]
