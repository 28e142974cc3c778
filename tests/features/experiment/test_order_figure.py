"""Metrics of orders: the days that count, the adjustment by the time before, and whose orders are read."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from features.experiment.errors import ExperimentDefinitionError
from features.experiment.order_figure import TABLE, order_figures
from features.experiment.verdict import Answer
from features.retrieval.answer import Caller
from privacy.access.errors import AccessRefused
from privacy.consent.state import State
from tests.features.experiment.experiment_shop import ANALYST, EVERYBODY, ExperimentShop, document
from tests.features.retrieval.feature_shop import NOON

TODAY = NOON.date()
START = TODAY - timedelta(7)
SPEND = {"name": "spend", "unit": "USD", "source": "orders"}


def write_orders(shop: ExperimentShop, rows: list[tuple[str, date, float]]) -> None:
    customers, days, values = zip(*rows, strict=True)
    table = {"order_id": range(len(rows)), "customer_id": customers, "order_date": days}
    money = pa.array([round(one, 2) for one in values]).cast(pa.decimal128(12, 2), safe=False)
    shop.installation.lakehouse.overwrite_rows(TABLE, pa.table(table | {"sales_value": money}))


def test_orders_count_from_the_assignment_to_the_last_day_and_before_the_start(shop: ExperimentShop) -> None:
    shop.experiments.create(document(name="orders", metric=SPEND, days=7), ANALYST)
    early, late, other = EVERYBODY[:3]
    shop.moment = NOON - timedelta(6)
    shop.experiments.assign("orders", [early])
    shop.moment = NOON - timedelta(2)
    shop.experiments.assign("orders", [late])
    shop.moment = NOON
    days = [START - timedelta(15), START - timedelta(14), START - timedelta(1), START, START + timedelta(1), TODAY]
    write_orders(shop, [(one, day, 10.0**n) for one in (early, late, other) for n, day in enumerate(days)])
    with shop.experiments.store() as store:
        version, assigned = store.versions("orders")[-1], store.assignments("orders")
    for name, first in (("spend", 1e4), ("orders", 1)):
        experiment = version.experiment.model_copy(update={"metric": version.experiment.metric.model_copy(
            update={"name": name})})  # fmt: skip
        found = order_figures(shop.installation, experiment, assigned, experiment.last_day, "kim")
        before = 110 if name == "spend" else 2
        assert found == {(early, name): first, (early, f"{name} before"): before, (late, f"{name} before"): before}
    assert shop.experiments.assign("orders", [other]) == [None], "the last day is over"


def test_a_verdict_on_spend_is_adjusted_and_reads_only_customers_who_permit_it(shop: ExperimentShop) -> None:
    shop.experiments.create(document(name="orders", metric=SPEND, guardrails=[]), ANALYST)
    shop.moment = NOON - timedelta(6)
    variants = shop.experiments.assign("orders", EVERYBODY)
    shop.moment = NOON
    shop.state(EVERYBODY[:20], State.WITHDRAWN, NOON - timedelta(minutes=1))
    rng = np.random.default_rng(8)
    level = rng.gamma(4, 10, len(EVERYBODY))
    spent = level + rng.normal(20, 2, len(EVERYBODY)) + [3.0 * (one == "new") for one in variants]
    before = [(one, START - timedelta(3), x) for one, x in zip(EVERYBODY, level, strict=True)]
    write_orders(shop, [*before, *((one, TODAY, x) for one, x in zip(EVERYBODY, spent, strict=True))])
    report = shop.experiments.report("orders", ANALYST)
    (verdict,) = report.verdicts
    assert (report.taking_part, report.left_out) == (380, 20)
    assert (verdict.answer, verdict.estimate) == (Answer.BETTER, pytest.approx(3, abs=0.7))
    assert verdict.variance_removed is not None
    assert verdict.variance_removed > 0.9
    read = [one for _, one in shop.installation.audit_log.entries() if one.action == "read"][-1]
    assert (read.table, read.role, read.subjects) == (TABLE, "experiment", 380)
    assert read.who == "experiment orders for kim"


def test_orders_may_not_be_read_for_every_purpose(shop: ExperimentShop) -> None:
    with pytest.raises(AccessRefused, match="marketing"):
        shop.experiments.create(document(name="orders", metric=SPEND, purpose="marketing"), Caller("li", "marketer"))
    for metric in ({**SPEND, "name": "clicks"}, {**SPEND, "before": "x"}, {"name": "clicks", "days_before": 3}):
        with pytest.raises(ExperimentDefinitionError, match="orders"):
            shop.experiments.create(document(metric=metric), ANALYST, replaces=True)
