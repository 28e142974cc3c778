"""Computes how often a customer shops, and how much of it on weekends."""

from pyspark.sql import functions as F

from features.transform.measure import iso_weekday
from features.transform.snapshot import at_each_day


def weekend(orders, days):
    """Return one row per customer and day of `days` with an order in the 90 days before."""
    recent = at_each_day(orders.where("customer_id is not null"), "order_date", days, window_days=90)
    is_weekend = iso_weekday(F.col("order_date")) >= 6
    return recent.groupBy("customer_id", "as_of").agg(
        F.count("order_id").alias("order_count_90d"),
        F.avg(is_weekend.cast("double")).alias("weekend_order_share_90d"),
    )
