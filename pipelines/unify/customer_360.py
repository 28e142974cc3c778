"""Builds gold/customer_360: selected measures of every customer profile and of the customer's journeys."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from features.transform.measure import MONEY, days_before, distinct_count, most_frequent
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify import journey

CHOSEN = {
    "gold/customer_demographic": (
        "sex", "age_band", "sido", "sigungu", "dong", "household_size", "marital_status", "occupation", "education",
        "income_band", "housing_type",
    ),
    "gold/customer_purchase_behaviour": (
        "order_count", "first_order_on", "last_order_on", "sales_value", "mean_monthly_spend", "mean_basket_value",
        "spend_trend", "discounted_spend_share", "price_elasticity", "display_lift", "mailer_lift", "brand_loyalty",
        "private_label_share", "novelty_acceptance", "planned_share", "impulse_share", "online_order_share",
        "preferred_delivery_method", "return_rate", "campaign_response_rate",
    ),
    "gold/customer_temporal_pattern": (
        "peak_weekday", "peak_hour", "weekend_share", "median_interval_days", "days_since_last_order",
        "pay_week_spend_index", "holiday_run_up_spend_index",
    ),
    "gold/customer_product_preference": (
        "top_category_1", "top_category_2", "top_category_3", "preferred_price_band", "preferred_package_band",
    ),
    "gold/customer_lifestyle": ("lifestyle_segment", "hobbies", "preferred_media"),
    "gold/customer_location": ("primary_store_id", "primary_store_km", "nearest_store_km", "is_urban", "has_moved"),
    "gold/customer_browsing": (
        "event_count", "search_count", "product_view_count", "cart_add_count", "cart_abandonment_rate", "top_query",
        "top_viewed_category", "open_wish_count", "days_since_last_event",
    ),
    "gold/customer_session_context": ("session_count", "preferred_device_type", "top_referrer", "bounce_rate"),
    "gold/customer_feedback": (
        "review_count", "mean_rating", "support_ticket_count", "mean_satisfaction", "nps_category",
        "nps_trend_per_year", "recommendation_acceptance_rate",
    ),
}  # fmt: skip
"""Columns copied unchanged from each profile table. The contract of that table defines them."""
_NAMES = {"event_count": "digital_event_count"}
_ZEROES = (
    "order_count", "sales_value", "digital_event_count", "search_count", "product_view_count", "cart_add_count",
    "open_wish_count", "session_count", "review_count", "support_ticket_count", "touchpoint_count", "channel_count",
    "journey_count", "converted_journey_count",
)  # fmt: skip
"""Counts and totals: 0 for a customer without a row in their table. All other measures are null there."""


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer of silver/customer."""
    people = tables["silver/customer"].select("customer_id", "member_status", "joined_on", "is_principal")
    parts = [people]
    for name, columns in CHOSEN.items():
        parts.append(tables[name].select("customer_id", *(F.col(c).alias(_NAMES.get(c, c)) for c in columns)))
    journeys = tables["gold/customer_journey"]
    parts += [journey.summarise(journeys), *_paths(journeys), _touchpoints(tables["silver/touchpoint_event"], context)]
    frame = reduce(lambda left, right: left.join(right, "customer_id", "left"), parts)
    filled = {name: F.coalesce(name, F.lit(0)) for name in _ZEROES}
    filled["sales_value"] = filled["sales_value"].cast(MONEY)
    has_orders = filled["order_count"] > 0
    return frame.withColumns({**filled, "has_orders": has_orders, "as_of": F.lit(context.as_of)})


def _paths(journeys: DataFrame) -> list[DataFrame]:
    converted = journeys.where("is_converted")
    order = Window.partitionBy("customer_id").orderBy(F.col("journey_number").desc())
    newest = journeys.withColumn("_rank", F.row_number().over(order)).where("_rank = 1")
    return [
        most_frequent(converted, ["customer_id"], "channel_path", "usual_conversion_path"),
        most_frequent(converted, ["customer_id"], "last_step_before_end", "usual_step_before_order"),
        newest.select(
            "customer_id",
            F.col("path").alias("last_journey_path"),
            F.col("is_converted").alias("last_journey_is_converted"),
        ),
    ]


def _touchpoints(events: DataFrame, context: BuildContext) -> DataFrame:
    known = events.where("customer_id is not null")
    order = Window.partitionBy("customer_id").orderBy(
        F.col("event_at").desc(), F.col("source").desc(), F.col("event_id").desc()
    )
    step = F.concat_ws(":", "channel", "event_type")
    ranked = known.withColumns({"_rank": F.row_number().over(order), "_step": step})
    return ranked.groupBy("customer_id").agg(
        F.count(F.lit(1)).alias("touchpoint_count"),
        distinct_count(F.col("channel")).alias("channel_count"),
        F.array_join(F.array_sort(F.array_distinct(F.collect_list("channel"))), ",").alias("channels"),
        F.min("event_at").alias("first_touchpoint_at"),
        F.max("event_at").alias("last_touchpoint_at"),
        F.max(F.when(F.col("_rank") == 1, F.col("_step"))).alias("last_touchpoint"),
        days_before(context.as_of, F.max("event_date")).alias("days_since_last_touchpoint"),
    )
