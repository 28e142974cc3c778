"""Sales value, quantity and number of orders are equal in bronze, silver and gold, to the cent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pyspark.sql import functions as F

from pipelines.unify.line_total import COUNTED, SOURCE, broken_totals, line_totals


def test_totals_of_silver_and_gold_equal_those_of_the_source(market) -> None:
    tables = {name: market.lakehouse.read(name) for name in COUNTED}
    assert broken_totals(tables) == []
    rows = market.rows["cj_transactions"]
    totals = line_totals(SOURCE, tables[SOURCE])
    assert totals.sales_value == sum((row["sales_value"] for row in rows), Decimal(0))
    assert totals.quantity == sum(row["quantity"] for row in rows)
    assert totals.order_count == len({row["basket_id"] for row in rows})


def test_spend_of_all_customers_adds_up_to_all_orders(market) -> None:
    """In the small market every account belongs to a customer, so the customers' spend is the total."""
    whole = line_totals(SOURCE, market.lakehouse.read(SOURCE))
    for name in ("gold/customer_purchase_behaviour", "gold/customer_monthly_spend"):
        assert market.frame(name)["sales_value"].sum() == whole.sales_value, name
    assert market.frame("gold/customer_360")["sales_value"].sum() == whole.sales_value
    lines = market.frame("silver/order_line")
    goods = lines[lines["is_merchandise"] & (lines["product_category"] != "Unknown")]
    assert market.frame("gold/customer_category_share")["sales_value"].sum() == goods["sales_value"].sum()
    assert goods["sales_value"].sum() < whole.sales_value
    events = market.frame("silver/touchpoint_event")
    assert events.loc[events["source"] == "cj_transactions", "amount"].sum() == whole.sales_value


def test_a_missing_cent_or_order_is_reported_with_its_table(market) -> None:
    """Negative control of the tests above."""
    tables = {name: market.lakehouse.read(name) for name in COUNTED}
    orders = tables["gold/order_history"]
    cent = orders.withColumn("sales_value", F.when(F.col("order_id") == 1, F.col("sales_value") - Decimal("0.01"))
                             .otherwise(F.col("sales_value")))  # fmt: skip
    assert [fault.split(" is ")[0] for fault in broken_totals(tables | {"gold/order_history": cent})] == [
        "sales_value of gold/order_history"
    ]
    lost = tables["silver/order_line"].where("order_id <> 1")
    faults = broken_totals(tables | {"silver/order_line": lost})
    assert [fault.split(" of ")[0] for fault in faults] == ["sales_value", "quantity", "order_count"]


def test_a_missing_table_raises_an_error_instead_of_passing(market) -> None:
    with pytest.raises(KeyError):
        broken_totals({SOURCE: market.lakehouse.read(SOURCE)})
