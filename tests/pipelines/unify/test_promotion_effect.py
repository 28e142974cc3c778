"""Effects of campaigns on the engine: a planted one is identified, none is not, and only permitting customers count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame

from features.insight.event import campaign
from features.insight.event.campaign_effect import TABLE
from installation.contract.document import Contracts
from pipelines.derived_table.table import BuildContext
from pipelines.engine.session import Engine
from pipelines.lakehouse.spark_type import spark_schema
from pipelines.unify import campaign_effect
from pipelines.unify.registry import TABLES
from tests.pipelines.conftest import CONSENTED, MOMENT, Built, agree

CUSTOMERS = 300
PLANTED, OTHER = 2, 1
STARTS = {OTHER: date(2017, 4, 24), PLANTED: date(2017, 5, 31)}
"""Half of the customers receive the planted campaign, half of the others the one before, which changes nothing."""


def orders(effect: float) -> pd.DataFrame:
    """Return fourteen orders of each customer in 200 days; those who receive PLANTED spend more from its start on."""
    random, rows = np.random.default_rng(1), list[tuple[str | None, date, float]]()
    for number in range(CUSTOMERS):
        usual = random.uniform(20, 60)
        for day in sorted(random.integers(0, 200, 14)):
            at = date(2017, 1, 1) + timedelta(int(day))
            extra = effect if number % 2 == 0 and at >= STARTS[PLANTED] else 0.0
            rows.append((f"c_{number}", at, usual + extra))
    rows.append((None, STARTS[PLANTED], 9000.0))  # an order without a customer
    return pd.DataFrame(rows, columns=["customer_id", "order_date", "sales_value"])


@pytest.fixture
def build(engine: Engine, contracts: Contracts) -> Callable[..., DataFrame]:
    """Return a function that builds the table of a market with that effect."""
    context = BuildContext(contracts, date(2018, 1, 1), lambda: "", engine.spark)

    def frame(rows: list[tuple[Any, ...]], schema: str) -> DataFrame:
        return context.spark.createDataFrame(rows, schema)

    def of(effect: float, starts: dict[int, date] = STARTS) -> DataFrame:
        made = orders(effect)
        received = [
            (n, f"t_{c}") for c in range(CUSTOMERS) for n in STARTS if (c % 2 == 0 if n == PLANTED else c % 4 == 1)
        ]
        keys = [("account_no", f"t_{c}", f"c_{c}") for c in range(CUSTOMERS)]
        found = {
            campaign_effect.ORDERS: frame(
                [tuple(row) for row in made.astype(object).where(made.notna(), None).to_numpy()],
                "customer_id string, order_date date, sales_value double",
            ),
            "bronze/cj_campaigns": frame(received, "campaign_id bigint, household_id_token string"),
            campaign_effect.RUNS: frame(list(starts.items()), "campaign_id bigint, start_date date"),
            "silver/identifier": frame(keys, "token_kind string, token string, customer_id string"),
        }
        return campaign_effect.build(found, context)

    return of


def test_a_planted_effect_is_identified_and_the_campaign_without_one_is_not(build: Callable[..., DataFrame]) -> None:
    found = build(40.0).toPandas().set_index("campaign_id")
    assert dict(found["start_date"]) == STARTS
    assert dict(found["is_identified"]) == {PLANTED: True, OTHER: False}
    planted = found.loc[PLANTED]
    per_customer = 40.0 * 28 * 14 / 200  # orders in 28 days
    assert planted["effect_low"] <= per_customer <= planted["effect_high"]
    assert planted["placebo_low"] <= 0 <= planted["placebo_high"]
    assert (planted["customer_count"] % 10, planted["received_count"] % 10) == (0, 0)
    assert 140 <= planted["received_count"] <= 150


def test_without_an_effect_nothing_is_identified(build: Callable[..., DataFrame]) -> None:
    assert list(build(0.0).toPandas()["is_identified"]) == [False, False]


def test_without_campaigns_the_table_is_empty_and_has_the_columns_of_its_contract(
    build: Callable[..., DataFrame], contracts: Contracts
) -> None:
    found = build(0.0, {})
    assert found.schema.names == spark_schema(contracts.table(TABLE)).names
    assert [f.dataType for f in found.schema.fields] == [f.dataType for f in spark_schema(contracts.table(TABLE))]
    assert found.count() == 0


def test_of_many_orders_whole_customers_are_drawn(
    build: Callable[..., DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[pd.DataFrame] = []
    monkeypatch.setattr(campaign_effect, "MOST_ORDERS", 14 * CUSTOMERS // 2)

    def remember(made: pd.DataFrame, *others: Any) -> tuple[()]:
        seen.append(made)
        return ()

    monkeypatch.setattr(campaign, "campaign_uplifts", remember)
    build(0.0)
    drawn = seen[0]["customer_id"].value_counts()
    assert set(drawn) == {14}
    assert 0.3 * CUSTOMERS < len(drawn) < 0.7 * CUSTOMERS


def test_only_customers_who_permit_analytics_are_compared(
    build_market: Callable[..., Built], contracts: Contracts, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []

    def remember(made: pd.DataFrame, received: pd.DataFrame, *others: Any) -> tuple[()]:
        seen.append(set(made["customer_id"]) | set(received["customer_id"]))
        return ()

    monkeypatch.setattr(campaign, "campaign_uplifts", remember)
    names = (*needed(TABLE, contracts), *(d.name for d in TABLES if d.name.startswith("silver/identity")))
    built = build_market("sail", names, speak=half_refuse)
    bought = set(built.frame("gold/order_history")["customer_id"].dropna())
    permitting = set(known(built)[::2])
    assert bought - permitting, "the control: others have orders, which are kept by law"
    assert seen[-1] & bought == permitting & bought
    assert seen[-1] <= permitting
    one = sorted(permitting & bought)[0]
    agree(built, one, "analytics", "withdrawn", effective_at=MOMENT - timedelta(1), recorded_at=MOMENT)
    built.refresh()
    assert len(seen) == 2, "a withdrawal builds the table again, on the same day"
    assert seen[0] - seen[1] == {one}


def needed(name: str, contracts: Contracts) -> Iterator[str]:
    """Yield a derived table and those that it is built from."""
    for derived in TABLES:
        if derived.name == name:
            for one in derived.all_inputs(contracts):
                yield from needed(one, contracts)
            yield name


def known(built: Built) -> list[str]:
    return sorted(set(built.frame("silver/identifier")["customer_id"]))


def half_refuse(built: Built) -> None:
    """Every second customer refuses analytics and permits the rest."""
    for number, customer in enumerate(known(built)):
        for purpose in CONSENTED:
            refuses = number % 2 and purpose == "analytics"
            agree(built, customer, purpose, "refused" if refuses else "given", effective_at=datetime(2017, 1, 1),
                  recorded_at=datetime(2017, 1, 1))  # fmt: skip
