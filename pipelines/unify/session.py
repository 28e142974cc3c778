"""Builds silver/session: visits to the web shop from their source, and visits to the app from app events."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from features.transform.measure import count_where, seconds_between
from pipelines.derived_table.deduplication import latest, latest_of_many
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify.customer_of import with_customer

APP_GAP_SECONDS = 30 * 60  # the usual session timeout in web analytics
_COUNTS = {
    "page_view_count": ("page_view", "app_open", "push_open"),
    "search_count": ("search",),
    "product_view_count": ("product_view", "scan_barcode"),
    "cart_add_count": ("add_to_cart",),
    "checkout_count": ("checkout",),
    "order_count": ("purchase",),
}


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per visit, from bronze/web_session, bronze/app_event and silver/touchpoint_event."""
    identifiers = tables["silver/identifier"]
    visits = _web(tables, identifiers).unionByName(_app(tables, identifiers))
    return visits.withColumns({
        "session_date": F.to_date("started_at"),
        "duration_seconds": seconds_between(F.col("ended_at"), F.col("started_at")),
        "is_bounce": F.col("event_count") <= 1,
        "is_converted": F.col("order_count") > 0,
    })  # fmt: skip


def _counts() -> list[Column]:
    named = [count_where(F.col("event_type").isin(*types)).alias(name) for name, types in _COUNTS.items()]
    return [F.count(F.lit(1)).alias("event_count"), *named]


def _web(tables: Tables, identifiers: DataFrame) -> DataFrame:
    events = (
        tables["silver/touchpoint_event"]
        .where("source = 'web_event' and session_id is not null")
        .groupBy("session_id")
        .agg(*_counts(), F.max("event_at").alias("_last"), F.sum("dwell_seconds").alias("dwell_seconds"))
    )
    sessions = latest(tables["bronze/web_session"], ["session_id"]).select(
        "session_id", F.lit("web").alias("channel"), "started_at", "ended_at", "device_type", "os", "browser",
        F.lit(None).cast("string").alias("app_version"), "screen_width", "screen_height", "referrer", "landing_page",
        F.col("member_no_token").alias("_key_member_no"), F.col("email_token").alias("_key_email"),
        F.col("cookie_id_token").alias("_key_device_id"),
    )  # fmt: skip
    joined = sessions.join(events, "session_id", "left").withColumns({
        "ended_at": F.greatest("started_at", "ended_at", "_last"),
        **{name: F.coalesce(name, F.lit(0)) for name in ("event_count", *_COUNTS)},
    }).drop("_last")  # fmt: skip
    resolved = with_customer(joined, ["member_no", "email", "device_id"], identifiers)
    return resolved.drop("resolved_by")


def _app(tables: Tables, identifiers: DataFrame) -> DataFrame:
    by_device = Window.partitionBy("device_id_token").orderBy("event_at", "event_id")
    gap = seconds_between(F.col("event_at"), F.lag("event_at").over(by_device))
    begins = F.when(gap <= APP_GAP_SECONDS, 0).otherwise(1)
    events = (
        latest_of_many(tables["bronze/app_event"], ["event_id"])
        .withColumn("_begins", begins)
        .withColumn("_visit", F.sum("_begins").over(by_device.rowsBetween(Window.unboundedPreceding, 0)))
        .withColumn("_number", F.row_number().over(by_device))
    )
    first = F.col("_begins") == 1
    visits = events.groupBy("device_id_token", "_visit").agg(
        F.min(F.when(first, F.concat(F.lit("app:"), F.col("event_id")))).alias("session_id"),
        F.min("event_at").alias("started_at"),
        F.max("event_at").alias("ended_at"),
        F.min("os").alias("os"),
        F.max("app_version").alias("app_version"),
        F.min(F.when(first, F.when(F.col("event_type") == "push_open", "push").otherwise("app"))).alias("referrer"),
        F.min(F.when(first, F.col("screen"))).alias("landing_page"),
        F.min("member_no_token").alias("_key_member_no"),
        *_counts(),
    )
    described = visits.withColumn("_key_device_id", F.col("device_id_token")).drop("device_id_token", "_visit")
    resolved = with_customer(described, ["member_no", "device_id"], identifiers).drop("resolved_by")
    return resolved.withColumns({
        "channel": F.lit("app"),
        "device_type": F.lit("mobile"),
        "browser": F.lit(None).cast("string"),
        "screen_width": F.lit(None).cast("int"),
        "screen_height": F.lit(None).cast("int"),
        "dwell_seconds": F.lit(None).cast("double"),
    })  # fmt: skip
