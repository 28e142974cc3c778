"""Collects the categories that a customer buys regularly into one row: usual interval and the day when one is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.transform.measure import days_between

TOP = 10
"""Length of the lists: the categories that are due first."""
LAPSED_RATIO = 3.0
"""A category whose last purchase is more than 3 usual intervals ago is not bought regularly any more."""


def repurchase_due(repurchases: DataFrame, days: Sequence[date]) -> DataFrame:
    """Return one row per customer and day of `days` with a category that is bought regularly.

    Args:
        repurchases: gold/customer_repurchase; its reference date becomes that of the rows.
        days: the days for which features are computed.
    """
    known = repurchases.where(F.col("as_of").isin(list(days)))
    regular = known.where((F.col("median_interval_days") > 0) & (F.col("overdue_ratio") <= LAPSED_RATIO))
    entry = F.struct("expected_next_on", "product_category", "median_interval_days")
    listed = regular.groupBy("customer_id", "as_of").agg(F.array_sort(F.collect_list(entry)).alias("_all"))
    first, due = F.get("_all", F.lit(0)), F.slice("_all", 1, TOP)
    return listed.select(
        "customer_id",
        "as_of",
        F.size("_all").cast("bigint").alias("regular_category_count"),
        first["product_category"].alias("next_due_category"),
        first["expected_next_on"].alias("next_due_on"),
        F.transform(due, lambda one: one["product_category"]).alias("due_categories"),
        F.transform(due, lambda one: days_between(one["expected_next_on"], F.col("as_of")).cast("bigint")).alias(
            "due_in_days"
        ),
        F.transform(due, lambda one: one["median_interval_days"]).alias("due_interval_days"),
    )
