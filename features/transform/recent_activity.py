"""Computes what a customer did last: the newest event and the session that it belongs to.

`features.push` computes the same features from one event and the stored values, so that they are known at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from features.transform.measure import count_where
from features.transform.snapshot import at_each_day

WINDOW_DAYS = 30
_KEYS = ["customer_id", "as_of"]
_COUNTED = {"product_view": "session_view_count", "add_to_cart": "session_cart_count", "search": "session_search_count"}


def recent_activity(events: DataFrame, days: Sequence[date]) -> DataFrame:
    """Return one row per customer and day of `days` with an event in the WINDOW_DAYS days before.

    The session is that of the newest event which has one; its counts cover the session's events in the window.

    Args:
        events: silver/touchpoint_event.
        days: the days for which features are computed.
    """
    known = events.where("customer_id is not null").select(
        "customer_id",
        "event_date",
        "event_at",
        "channel",
        "event_type",
        "product_id",
        "session_id",
        "source",
        "event_id",
    )
    each = at_each_day(known, "event_date", days, WINDOW_DAYS)
    order = Window.partitionBy(*_KEYS).orderBy(
        F.col("event_at").desc(), F.col("source").desc(), F.col("event_id").desc()
    )
    session = F.first("session_id", ignorenulls=True).over(
        order.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    )
    ranked = each.withColumns({"_rank": F.row_number().over(order), "_session": session})
    newest, inside = F.col("_rank") == 1, F.col("session_id") == F.col("_session")
    return ranked.groupBy(*_KEYS).agg(
        F.max("event_at").alias("last_event_at"),
        F.max(F.when(newest, F.col("event_type"))).alias("last_event_type"),
        F.max(F.when(newest, F.col("channel"))).alias("last_channel"),
        F.max(F.when(newest, F.col("product_id"))).alias("last_product_id"),
        F.max("_session").alias("last_session_id"),
        count_where(inside).alias("session_event_count"),
        *(count_where(inside & (F.col("event_type") == kind)).alias(name) for kind, name in _COUNTED.items()),
    )
