"""Builds gold/customer_temporal_pattern: when a customer shops, and spend around pay-days, holidays and campaigns."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from features.transform.measure import (
    count_where,
    days_before,
    days_between,
    iso_weekday,
    median,
    most_frequent,
    ratio,
    share_where,
    times,
    total_where,
)
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify.calendar import NATIONWIDE
from pipelines.unify.campaign import campaign_days

RAIN_MM = 1.0  # the usual threshold for a day with precipitation
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_PARTS = {"morning": range(6, 12), "afternoon": range(12, 18), "evening": range(18, 22)}
_SEASONS = ("spring", "summer", "autumn", "winter")
_EVENTS = {"pay_week": "is_pay_week", "holiday_run_up": "is_holiday_run_up"}


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer with at least one order."""
    days = tables["silver/calendar"].where(F.col("sido") == NATIONWIDE)
    orders = tables["gold/order_history"].where("customer_id is not null")
    dated = orders.join(days.select("calendar_date", "iso_weekday", "season", "is_public_holiday", *_EVENTS.values()),
                        F.col("order_date") == F.col("calendar_date"), "left")  # fmt: skip
    timed = dated.withColumn("_hour", F.hour("ordered_at"))
    parts = [
        _shares(timed, context),
        most_frequent(timed, ["customer_id"], "iso_weekday", "peak_weekday"),
        most_frequent(timed, ["customer_id"], "_hour", "peak_hour"),
        _rhythm(orders, context),
        _event_response(dated, days, context),
        _campaign_response(orders, tables, context),
        _rain(orders, tables["silver/calendar"]),
        _digital(tables["silver/touchpoint_event"]),
    ]
    return reduce(lambda left, right: left.join(right, "customer_id", "left"), parts)


def _shares(orders: DataFrame, context: BuildContext) -> DataFrame:
    hour, sales = F.col("_hour"), F.col("sales_value")
    parts = {name: hour.isin(*hours) for name, hours in _DAY_PARTS.items()}
    parts["night"] = (hour < 6) | (hour >= 22)
    return orders.groupBy("customer_id").agg(
        *(share_where(F.col("iso_weekday") == n).alias(f"{d}_share") for n, d in enumerate(_WEEKDAYS, start=1)),
        share_where(F.col("iso_weekday") > 5).alias("weekend_share"),
        *(share_where(condition).alias(f"{name}_share") for name, condition in parts.items()),
        *(ratio(total_where(F.col("season") == s, sales), F.sum(sales)).alias(f"{s}_spend_share") for s in _SEASONS),
        share_where(F.col("is_public_holiday")).alias("public_holiday_order_share"),
        F.lit(context.as_of).alias("as_of"),
    )


def _rhythm(orders: DataFrame, context: BuildContext) -> DataFrame:
    days = orders.select("customer_id", "order_date").distinct()
    before = F.lag("order_date").over(Window.partitionBy("customer_id").orderBy("order_date"))
    gap = days.withColumn("gap", days_between(F.col("order_date"), before))
    return gap.groupBy("customer_id").agg(
        F.count(F.lit(1)).alias("shopping_day_count"),
        F.avg("gap").alias("mean_interval_days"),
        median(F.col("gap")).alias("median_interval_days"),
        ratio(F.stddev_pop(F.col("gap").cast("double")), F.avg("gap")).alias("interval_variation"),
        days_before(context.as_of, F.max("order_date")).alias("days_since_last_order"),
    )


def _index(spend_in: Column, days_in: Column, spend_out: Column, days_out: Column) -> Column:
    return times(ratio(spend_in, days_in), ratio(spend_out, days_out))


def _event_response(dated: DataFrame, days: DataFrame, context: BuildContext) -> DataFrame:
    """Return per customer and kind of event: spend per day on event days divided by spend per day on other days.

    Days from the customer's first order to the reference date count.
    """
    left = days.where(F.col("calendar_date") <= F.lit(context.as_of)).select(
        F.col("calendar_date").alias("first_on"),
        *(F.sum(F.col(flag).cast("int")).over(Window.partitionBy("sido").orderBy(F.col("calendar_date").desc())).alias(f"{name}_days")
          for name, flag in _EVENTS.items()),
    )  # fmt: skip
    spent = dated.groupBy("customer_id").agg(
        F.min("order_date").alias("first_on"),
        F.sum("sales_value").alias("_spent"),
        *(total_where(F.col(flag), F.col("sales_value")).alias(f"{name}_spent") for name, flag in _EVENTS.items()),
    )
    observed = days_before(context.as_of, F.col("first_on")) + 1
    indices = (
        _index(F.col(f"{name}_spent"), F.col(f"{name}_days"),
               F.col("_spent") - F.col(f"{name}_spent"), observed - F.col(f"{name}_days")).alias(f"{name}_spend_index")
        for name in _EVENTS
    )  # fmt: skip
    return spent.join(left, "first_on", "left").select("customer_id", *indices)


def _campaign_response(orders: DataFrame, tables: Tables, context: BuildContext) -> DataFrame:
    first = orders.groupBy("customer_id").agg(F.min("order_date").alias("first_on"))
    running = campaign_days(tables).join(first, "customer_id")
    running = running.where((F.col("calendar_date") >= F.col("first_on")) & (F.col("calendar_date") <= context.as_of))
    days = running.groupBy("customer_id").agg(F.count(F.lit(1)).alias("days_in"))
    marked = running.select("customer_id", F.col("calendar_date").alias("order_date"), F.lit(True).alias("_in"))
    daily = orders.join(marked, ["customer_id", "order_date"], "left")
    inside = F.coalesce("_in", F.lit(False))
    spent = daily.groupBy("customer_id").agg(
        total_where(inside, F.col("sales_value")).alias("spent_in"),
        total_where(~inside, F.col("sales_value")).alias("spent_out"),
        F.min("order_date").alias("first_on"),
    )
    observed = days_before(context.as_of, F.col("first_on")) + 1
    frame = spent.join(days, "customer_id", "left")
    index = _index(F.col("spent_in"), F.col("days_in"), F.col("spent_out"), observed - F.col("days_in"))
    return frame.select("customer_id", index.alias("campaign_spend_index"))


def _rain(orders: DataFrame, calendar: DataFrame) -> DataFrame:
    """Return per customer the share of orders on rainy days, and that share divided by the share of rainy days.

    Rain is that of the store's province. Orders on days without known weather are left out.
    """
    days = calendar.where("precipitation_mm is not null").select(
        F.col("calendar_date").alias("order_date"), F.col("sido").alias("store_sido"),
        (F.col("precipitation_mm") >= RAIN_MM).cast("int").alias("rainy"),
    )  # fmt: skip
    usual = days.groupBy("store_sido").agg(F.avg("rainy").alias("usual"))
    seen = orders.join(days, ["order_date", "store_sido"]).join(usual, "store_sido")
    return seen.groupBy("customer_id").agg(
        F.avg("rainy").alias("rainy_day_order_share"),
        times(F.avg("rainy"), F.avg("usual")).alias("rainy_day_order_index"),
    )


def _digital(events: DataFrame) -> DataFrame:
    online = events.where("customer_id is not null and channel in ('web', 'app')").select(
        "customer_id", F.hour("event_at").alias("_hour"), iso_weekday(F.col("event_date")).alias("_weekday")
    )
    evening = online.groupBy("customer_id").agg(
        count_where(F.lit(True)).alias("digital_touchpoint_count"),
        share_where((F.col("_hour") >= 18) & (F.col("_hour") < 22)).alias("digital_evening_share"),
    )
    hours = most_frequent(online, ["customer_id"], "_hour", "digital_peak_hour")
    weekdays = most_frequent(online, ["customer_id"], "_weekday", "digital_peak_weekday")
    return evening.join(hours, "customer_id", "left").join(weekdays, "customer_id", "left")
