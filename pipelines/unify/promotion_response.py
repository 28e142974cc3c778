"""Computes a customer's response to displays and mailers, compared with all customers of the same store and week."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.transform.measure import count_where, distinct_count, ratio, times

_SHOWN = {"display": "display_location", "mailer": "mailer_location"}


def promotion_response(lines: DataFrame, store_weeks: DataFrame) -> DataFrame:
    """Return one row per customer: display_lift, mailer_lift, line shares, promotion_take_rate, promoted_visit_count.

    Only merchandise lines in stores and weeks with promotion records count. Customers without such a line have no row.

    Args:
        lines: silver/order_line, without rows that have no customer.
        store_weeks: silver/store_week.
    """
    seen = lines.where("is_merchandise and display_location is not null").select(
        "customer_id", "store_id", "week", "product_id",
        *((F.col(column) != "0").cast("int").alias(name) for name, column in _SHOWN.items()),
    )  # fmt: skip
    visits = seen.groupBy("customer_id", "store_id", "week").agg(
        F.count(F.lit(1)).alias("lines"),
        *(F.sum(name).alias(name) for name in _SHOWN),
        distinct_count(F.when((F.col("display") + F.col("mailer")) > 0, F.col("product_id"))).alias("bought"),
    )
    # Computed from the lines: aggregating the visits would evaluate them twice.
    usual = seen.groupBy("store_id", "week").agg(
        *(ratio(F.sum(name), F.count(F.lit(1))).alias(f"usual_{name}") for name in _SHOWN)
    )
    offered = store_weeks.select("store_id", "week", F.col("promoted_count").alias("offered"))
    frame = visits.join(usual, ["store_id", "week"]).join(offered, ["store_id", "week"], "left")
    expected = {name: F.sum(F.col("lines") * F.col(f"usual_{name}")) for name in _SHOWN}
    return frame.groupBy("customer_id").agg(
        *(ratio(F.sum(name), F.sum("lines")).alias(f"{name}_line_share") for name in _SHOWN),
        *(times(F.sum(name), expected[name]).alias(f"{name}_lift") for name in _SHOWN),
        ratio(F.sum("bought"), F.sum("offered")).alias("promotion_take_rate"),
        count_where(F.col("bought") > 0).alias("promoted_visit_count"),
    )
