"""The values of gold tables are possible, and the contracts report the impossible ones that were found once.

docs/decisions/0047-every-gold-column-is-judged.md lists what was found in the full market.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
from pyspark.sql import functions as F

from features.transform.measure import at_most, times
from pipelines.quality.contract_check import RunContext, derive_checks, parents_of
from pipelines.quality.validation import validate_table
from pipelines.unify import feedback
from pipelines.unify.location import haversine_km
from pipelines.unify.product_label import readable_labels

RUN = RunContext(datetime(2018, 1, 1))
HALF_THE_EARTH_KM = 20015.1
FOUND: dict[str, list[tuple[str, Any, str]]] = {
    "gold/customer_360": [
        ("primary_store_km", HALF_THE_EARTH_KM, "range_primary_store_km"),
        ("nps_trend_per_year", -365.25, "range_nps_trend_per_year"),
        ("spend_trend", 83.5, "range_spend_trend"),
        ("holiday_run_up_spend_index", 49.3, "range_holiday_run_up_spend_index"),
        ("mean_touchpoints_to_order", 1.0, "range_mean_touchpoints_to_order"),
        ("review_count", None, "required_review_count"),
        ("has_orders", False, "measures_of_orders_only_with_orders"),
        ("days_since_last_order", 17_000, "range_days_since_last_order"),
    ],
    "gold/customer_location": [("primary_store_id", None, "distance_only_to_a_known_store")],
    "gold/customer_product_preference": [("top_category_1", "Postcards", "top_category_has_rank_1")],
    "gold/customer_category_share": [("product_category", "Coupon, miscellaneous items", "categories_are_preferences")],
    "gold/customer_repurchase": [("overdue_ratio", 224.0, "range_overdue_ratio")],
    "gold/customer_journey": [("touchpoint_count", 1, "range_touchpoint_count")],
    "gold/order_history": [
        ("quantity", 89_638, "range_quantity"),
        ("discount_share", 1.68, "range_discount_share"),
        ("ordered_at", datetime(1970, 1, 1), "range_ordered_at"),
        ("delivery_fee", Decimal("3500.00"), "range_delivery_fee"),
    ],
    "gold/customer_purchase_behaviour": [
        ("quantity", 2_815_469, "range_quantity"),
        ("delivery_order_share", 1.01, "delivered_orders_are_online"),
        ("return_rate", 1.2, "range_return_rate"),
    ],
    "silver/product": [
        ("package_content", 2.4e9, "range_package_content"),
        ("product_category", "FRZN JCE CONC/DRNKS", "product_category_is_readable"),
    ],
}
"""By table: column, a value that stood in it, and the check that reports it now."""


def failed_checks(market: Any, table: str, frame: Any = None) -> set[str]:
    """Return the names of the checks of values that fail on a table, or on the frame in its place."""
    contract = market.context.contracts.table(table)
    parents = {name: market.lakehouse.read(name) for name in parents_of(derive_checks(contract, RUN))}
    found = validate_table(market.lakehouse.read(table) if frame is None else frame, contract, RUN, parents)
    return {r.name for r in found.results if not r.passed and r.kind not in ("volume", "freshness", "outliers")}


@pytest.mark.parametrize("table", FOUND)
def test_each_value_that_was_found_wrong_now_fails_a_check_of_its_contract(market, table) -> None:
    """The unchanged table passes, so that each failure is due to the planted value."""
    assert failed_checks(market, table) == set()
    rows = market.lakehouse.read(table)
    keys = market.context.contracts.table(table).primary_key
    victim = rows.where("first_order_on is not null") if "first_order_on" in rows.columns else rows
    if table == "gold/customer_category_share":
        victim = rows.where("spend_rank > 1")
    if table == "gold/customer_location":
        victim = rows.where("primary_store_km is not null")
    row = victim.orderBy(*keys).first()
    is_victim = F.lit(True)
    for key in keys:
        is_victim = is_victim & (F.col(key) == row[key])
    types = dict(rows.dtypes)
    planted = {
        column: F.when(is_victim, F.lit(value).cast(types[column])).otherwise(F.col(column))
        for column, value, _ in FOUND[table]
    }
    reported = failed_checks(market, table, rows.withColumns(planted))
    assert {check for _, _, check in FOUND[table]} <= reported


def test_a_distance_to_an_unknown_place_is_null(market) -> None:
    """Negative control: `least`, which skips nulls, gives half the circumference of the Earth."""
    frame = market.context.spark.createDataFrame(
        [(37.5, 127.0, None, None), (37.5, 127.0, 35.1, 129.0)], "a double, b double, c double, d double"
    )
    km = [row[0] for row in frame.select(haversine_km(*(F.col(name) for name in "abcd"))).collect()]
    assert km[0] is None
    assert km[1] == pytest.approx(321, abs=2)
    chord = F.lit(None).cast("double")
    before = frame.select(2 * 6371.0088 * F.asin(F.sqrt(F.least(chord, F.lit(1.0))))).first()[0]
    assert before == pytest.approx(HALF_THE_EARTH_KM, abs=0.1)


def test_a_capped_ratio_keeps_null_and_small_values(market) -> None:
    frame = market.context.spark.createDataFrame(
        [(3.0, 2.0), (900.0, 2.0), (3.0, None), (3.0, 0.0)], "a double, b double"
    )
    assert [row[0] for row in frame.select(times(F.col("a"), F.col("b"))).collect()] == [1.5, 10.0, None, None]
    assert frame.select(at_most(F.col("b"), 1.0)).collect()[2][0] is None


def test_answers_within_half_a_year_give_no_nps_trend(market, monkeypatch) -> None:
    answers = [("near", "r1", 9, date(2017, 3, 1)), ("near", "r2", 8, date(2017, 3, 2)),
               ("far", "r3", 6, date(2017, 1, 1)), ("far", "r4", 8, date(2017, 12, 31))]  # fmt: skip
    columns = "customer_id string, response_id string, score int, answered_at date"
    surveys = market.context.spark.createDataFrame(answers, columns)

    def trends() -> dict[str, float | None]:
        return {row["customer_id"]: row["nps_trend_per_year"] for row in feedback._nps(surveys).collect()}

    assert trends() == {"near": None, "far": pytest.approx(2.0, abs=0.02)}
    monkeypatch.setattr(feedback, "TREND_SPAN_DAYS", 0)
    assert trends()["near"] == -365.25, "negative control: without the minimum span a day becomes a year"


def test_fuel_is_counted_apart_from_pieces(market) -> None:
    lines, orders = market.frame("silver/order_line"), market.frame("gold/order_history")
    fuel = lines[lines["quantity_unit"] == "0.001 gal"]
    assert len(fuel)
    assert not fuel["is_merchandise"].any()
    assert orders["fuel_quantity"].sum() == fuel["quantity"].sum() > 100_000
    assert orders["quantity"].sum() == lines["quantity"].sum() - fuel["quantity"].sum()
    assert orders["quantity"].max() < 1_000 < fuel["quantity"].max()
    assert market.frame("silver/touchpoint_event").query("source == 'cj_transactions'")["quantity"].isna().all()


def test_the_leading_category_is_rank_1_and_a_preference(market) -> None:
    shares, lines = market.frame("gold/customer_category_share"), market.frame("silver/order_line")
    first = shares[shares["spend_rank"] == 1].set_index("customer_id")["product_category"]
    found = market.frame("gold/customer_product_preference").set_index("customer_id")["top_category_1"]
    assert found.equals(first.reindex(found.index).rename("top_category_1"))
    spent = lines.groupby(["customer_id", "product_category"])["sales_value"].sum().astype(float).reset_index()
    leading = spent.loc[spent.groupby("customer_id")["sales_value"].idxmax(), "product_category"]
    assert "Unknown" in set(leading), "negative control: what is no preference does lead the spend of some"
    assert not {"Unknown", "Coupon, miscellaneous items"} & set(shares["product_category"])


def test_an_order_picked_up_in_a_store_is_online_but_not_delivered(market) -> None:
    found = market.frame("gold/customer_purchase_behaviour")
    assert (found["delivery_order_share"] <= found["online_order_share"]).all()
    picked_up = set(market.frame("gold/order_history").query("delivery_method == 'pickup'")["customer_id"].dropna())
    differing = set(found.loc[found["delivery_order_share"] != found["online_order_share"], "customer_id"])
    assert picked_up
    assert picked_up <= differing


def test_a_customer_without_orders_has_counts_of_0_and_no_shares(market) -> None:
    found = market.frame("gold/customer_360")
    without = found[~found["has_orders"]]
    counts = [name for name in found.columns if name.endswith("_count")]
    assert not found[counts].isna().any().any()
    assert (found["has_orders"] == (found["order_count"] > 0)).all()
    assert (without["sales_value"] == 0).all()
    assert without[["last_order_on", "mean_basket_value", "weekend_share", "top_category_1"]].isna().all().all()


def test_a_column_name_means_the_same_in_every_table_about_customers(market) -> None:
    """top_viewed_category and digital_event_count had two definitions each."""
    names = [one.table for one in market.context.contracts.values() if one.primary_key == ("customer_id",)]
    frames = {t: market.frame(t).set_index("customer_id") for t in names if t.startswith("gold/")}
    assert len(frames) == 11
    for left, right in combinations(frames, 2):
        shared = set(frames[left].columns) & set(frames[right].columns) - {"as_of"}
        both = frames[left].index.intersection(frames[right].index)
        for name in shared:
            one, two = frames[left].loc[both, name], frames[right].loc[both, name]
            filled = one.isna() & (two == 0)  # customer_360 fills counts
            assert (filled | (one.isna() & two.isna()) | (one == two)).all(), f"{name} of {left} and {right}"


def test_labels_have_no_abbreviation_of_the_cash_register() -> None:
    expected = {
        "COUPON/MISC ITEMS": "Coupon, miscellaneous items",
        "DELI SPECIALTIES (RETAIL PK)": "Deli specialties (retail pack)",
        "DRUG GM": "Drugs and general merchandise",
        "FLUID MILK PRODUCTS": "Fluid milk products",
        "FRZN NOVELTIES/WTR ICE": "Frozen novelties, water ice",
        "SEAFOOD-FRESH": "Seafood, fresh",
        "SOFT DRINKS 12/18&15PK CAN CAR": "Soft drinks 12/18 and 15pk can",
        "라면": "라면",
    }
    assert readable_labels(expected) == expected


def test_each_amount_of_money_names_its_currency(contracts) -> None:
    amounts = [(one.table, column) for one in contracts.values() for column in one.columns
               if column.spark_type.startswith("decimal") and column.name != "quantity"]  # fmt: skip
    assert len(amounts) == 34
    assert {(table, column.name) for table, column in amounts if column.unit != "USD"} == set()


def test_each_number_of_a_gold_table_has_bounds(contracts) -> None:
    """Identifiers have none, and gold/quality_metric holds the values of all kinds of metrics."""
    unbounded = {
        (one.table, column.name)
        for one in contracts.values()
        for column in one.columns
        if one.layer == "gold" and column.spark_type.startswith(("int", "bigint", "double", "decimal"))
        if not column.name.endswith("_id") and (column.minimum is None or column.maximum is None)
    }
    assert unbounded == {("gold/quality_metric", "value")}
