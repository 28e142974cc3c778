"""Computes at which hours of the week a customer orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.transform.measure import iso_weekday
from features.transform.snapshot import at_each_day

WINDOW_DAYS = 365
HOURS = 7 * 24
_KEYS = ["customer_id", "as_of"]


def shopping_hour(orders: DataFrame, days: Sequence[date]) -> DataFrame:
    """Return one row per customer and day of `days` with an order in the WINDOW_DAYS days before.

    `hour_of_week_shares` has HOURS values that add up to 1: position 0 is Monday 00:00 to 00:59.

    Args:
        orders: gold/order_history.
        days: the days for which features are computed.
    """
    hour = (iso_weekday(F.col("order_date")) - 1) * 24 + F.hour("ordered_at")
    facts = orders.where("customer_id is not null").select("customer_id", "order_date", hour.alias("_hour"))
    hours = at_each_day(facts, "order_date", days, WINDOW_DAYS).groupBy(*_KEYS).agg(F.collect_list("_hour").alias("_h"))
    counts = F.transform(F.sequence(F.lit(0), F.lit(HOURS - 1)), lambda n: F.size(F.filter("_h", lambda one: one == n)))
    shares = F.transform(counts, lambda count: count.cast("double") / F.size("_h").cast("double"))
    return hours.select(*_KEYS, F.size("_h").cast("bigint").alias("order_count"), shares.alias("hour_of_week_shares"))
