"""Builds gold/customer_session_context: devices, screens, referrers, weekdays and weather of a customer's visits."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.transform.measure import count_where, median, most_frequent, share_where
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify.calendar import NATIONWIDE
from pipelines.unify.temporal_pattern import RAIN_MM

_DEVICES = ("mobile", "desktop", "tablet")
_FAVOURITES = {
    "device_type": "preferred_device_type", "os": "preferred_os", "browser": "preferred_browser",
    "screen": "preferred_screen", "referrer": "top_referrer", "landing_page": "top_landing_page",
}  # fmt: skip


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer with at least one visit in silver/session."""
    screen = F.concat(F.col("screen_width").cast("string"), F.lit("x"), F.col("screen_height").cast("string"))
    visits = tables["silver/session"].where("customer_id is not null").withColumn("screen", screen)
    days = tables["silver/calendar"].where(F.col("sido") == NATIONWIDE)
    dated = visits.join(days.select(F.col("calendar_date").alias("session_date"), "is_weekend", "is_public_holiday"),
                        "session_date", "left")  # fmt: skip
    parts = [
        _summary(dated, context),
        *(most_frequent(visits, ["customer_id"], column, name) for column, name in _FAVOURITES.items()),
        _weather(visits, tables),
    ]
    return reduce(lambda left, right: left.join(right, "customer_id", "left"), parts)


def _summary(visits: DataFrame, context: BuildContext) -> DataFrame:
    dwell = F.when(F.col("event_count") > 0, F.col("dwell_seconds") / F.col("event_count"))
    return visits.groupBy("customer_id").agg(
        F.count(F.lit(1)).alias("session_count"),
        count_where(F.col("channel") == "web").alias("web_session_count"),
        count_where(F.col("channel") == "app").alias("app_session_count"),
        *(share_where(F.col("device_type") == device).alias(f"{device}_share") for device in _DEVICES),
        share_where(F.col("referrer") == "direct").alias("direct_referrer_share"),
        median(F.col("duration_seconds")).alias("median_session_seconds"),
        F.avg("event_count").alias("mean_session_events"),
        F.avg(dwell).alias("mean_dwell_seconds"),
        share_where(F.col("is_bounce")).alias("bounce_rate"),
        share_where(F.col("is_weekend")).alias("weekend_session_share"),
        share_where(F.col("is_public_holiday")).alias("public_holiday_session_share"),
        F.max("started_at").alias("last_session_at"),
        F.lit(context.as_of).alias("as_of"),
    )  # fmt: skip


def _weather(visits: DataFrame, tables: Tables) -> DataFrame:
    home = tables["silver/customer"].where("sido is not null").select("customer_id", "sido")
    rain = tables["silver/calendar"].where("precipitation_mm is not null").select(
        F.col("calendar_date").alias("session_date"), "sido",
        (F.col("precipitation_mm") >= RAIN_MM).alias("_rainy"), F.col("temp_max_c"),
    )  # fmt: skip
    seen = visits.select("customer_id", "session_date").join(home, "customer_id").join(rain, ["session_date", "sido"])
    return seen.groupBy("customer_id").agg(
        share_where(F.col("_rainy")).alias("rainy_day_session_share"),
        F.avg("temp_max_c").alias("mean_session_temp_max_c"),
    )
