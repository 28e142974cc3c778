"""Builds gold/customer_purchase_behaviour: spend, price sensitivity, promotion response, loyalty and new products."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.transform.measure import (
    count_where,
    days_before,
    distinct_count,
    most_frequent,
    ratio,
    times,
    total,
    total_where,
)
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify.brand_loyalty import brand_loyalty
from pipelines.unify.campaign import campaign_response
from pipelines.unify.first_purchase import first_purchase_measures
from pipelines.unify.price_sensitivity import price_sensitivity
from pipelines.unify.promotion_response import promotion_response

MONTH_DAYS = 30.4375  # mean month of the Gregorian calendar
TREND_DAYS = 90


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer with at least one order. The contract defines each column."""
    lines = tables["silver/order_line"].where("customer_id is not null")
    orders = tables["gold/order_history"].where("customer_id is not null")
    parts = [
        _orders(orders, context),
        _categories(tables["gold/customer_category_share"]),
        _delivery(orders),
        price_sensitivity(lines, tables["silver/product"]),
        promotion_response(lines, tables["silver/store_week"]),
        brand_loyalty(lines),
        first_purchase_measures(lines, tables["silver/product"], tables["silver/touchpoint_event"]),
        campaign_response(tables),
    ]
    joined = reduce(lambda left, right: left.join(right, "customer_id", "left"), parts)
    zeroes = ("category_count", "campaign_count", "campaign_redeemed_count", "coupon_redemption_count")
    return joined.withColumns({
        **{name: F.coalesce(name, F.lit(0)) for name in zeroes},
        "return_rate": ratio(F.col("returned_quantity"), F.col("piece_count")),
        "as_of": F.lit(context.as_of),
    })  # fmt: skip


def _orders(orders: DataFrame, context: BuildContext) -> DataFrame:
    age = days_before(context.as_of, F.col("order_date"))
    recent, before = age < TREND_DAYS, (age >= TREND_DAYS) & (age < 2 * TREND_DAYS)
    summed = orders.groupBy("customer_id").agg(
        F.count(F.lit(1)).alias("order_count"),
        F.min("order_date").alias("first_order_on"),
        F.max("order_date").alias("last_order_on"),
        distinct_count(F.trunc("order_date", "month")).alias("active_month_count"),
        F.sum("line_count").cast("bigint").alias("line_count"),
        F.sum("quantity").cast("bigint").alias("quantity"),
        F.sum("fuel_quantity").cast("bigint").alias("fuel_quantity"),
        F.sum("piece_count").cast("bigint").alias("piece_count"),
        total(F.col("sales_value")).alias("sales_value"),
        total(F.col("discount_value")).alias("discount_value"),
        total(F.col("refund_amount")).alias("refund_amount"),
        F.sum("returned_quantity").cast("bigint").alias("returned_quantity"),
        total_where(recent, F.col("sales_value")).alias("_recent"),
        total_where(before, F.col("sales_value")).alias("_before"),
        count_where(F.col("channel") == "online").alias("online_order_count"),
    )
    months = F.greatest((days_before(context.as_of, F.col("first_order_on")) + 1) / F.lit(MONTH_DAYS), F.lit(1.0))
    online = ratio(F.col("online_order_count"), F.col("order_count"))
    return summed.withColumns({
        "mean_monthly_spend": F.col("sales_value").cast("double") / months,
        "mean_basket_value": ratio(F.col("sales_value"), F.col("order_count")),
        "mean_basket_lines": ratio(F.col("line_count"), F.col("order_count")),
        "spend_trend": times(F.col("_recent"), F.col("_before")),
        "online_order_share": online,
        "store_order_share": 1.0 - online,
        "preferred_channel": F.when(online > 0.5, "online").otherwise("store"),
    }).drop("_recent", "_before")  # fmt: skip


def _categories(shares: DataFrame) -> DataFrame:
    return shares.groupBy("customer_id").agg(
        F.count(F.lit(1)).alias("category_count"),
        F.sum(F.col("spend_share") * F.col("spend_share")).alias("category_concentration"),
    )


def _delivery(orders: DataFrame) -> DataFrame:
    delivered = orders.where("delivery_method is not null")
    is_carried = F.coalesce(F.col("delivery_method") != "pickup", F.lit(False))
    shares = orders.groupBy("customer_id").agg(
        ratio(count_where(is_carried), F.count(F.lit(1))).alias("delivery_order_share"),
        ratio(
            count_where(F.col("delivery_method") == "pickup"), count_where(F.col("delivery_method").isNotNull())
        ).alias("pickup_share"),
        total(F.coalesce("delivery_fee", F.lit(0).cast("decimal(18,2)"))).alias("delivery_fee"),
        F.avg("delivery_hours").alias("mean_delivery_hours"),
    )
    favourite = most_frequent(delivered, ["customer_id"], "delivery_method", "preferred_delivery_method")
    return shares.join(favourite, "customer_id", "left")
