"""gold/customer_journey: the ordered touchpoints that lead to each order, or end without one."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from pipelines.unify.measure import count_where, ratio, seconds_between
from pipelines.unify.table import BuildContext, Tables

GAP_DAYS = 7
"""A week without a touchpoint ends a journey: the shopping rhythm of a household."""
PATH_STEPS = 30
"""Steps kept in the path, the last ones: what is nearest to the conversion."""
_NOT_STEPS = ("coupon_redemption",)
"""Dated to a day only, at midnight: their place in the order is unknown."""


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row a customer and journey, from silver/touchpoint_event and gold/order_history."""
    steps = _numbered(_touchpoints(tables))
    last = F.col("_from_end") == 1
    mine = steps.groupBy("customer_id", "journey_number").agg(
        F.min("event_at").alias("started_at"),
        F.max("event_at").alias("ended_at"),
        F.count(F.lit(1)).alias("touchpoint_count"),
        F.countDistinct("session_id").alias("session_count"),
        F.countDistinct("channel").alias("channel_count"),
        count_where(F.col("channel").isin("web", "app")).alias("digital_touchpoint_count"),
        F.max(F.when(F.col("_from_start") == 1, F.col("channel"))).alias("first_channel"),
        F.max(F.when(last, F.col("channel"))).alias("last_channel"),
        F.max(F.when(last & F.col("is_order"), F.col("order_id"))).alias("_order"),
        F.max(F.when(F.col("_from_end") == 2, F.col("step"))).alias("last_step_before_end"),
        _path(F.when(F.col("_from_end") <= PATH_STEPS, F.struct("_from_start", "step"))).alias("path"),
        _path(F.when(F.col("_channel_changes"), F.struct("_from_start", F.col("channel").alias("step")))).alias("channel_path"),
    )  # fmt: skip
    worth = tables["gold/order_history"].select("order_id", F.col("sales_value").alias("conversion_value"))
    described = mine.withColumn("order_id", F.col("_order").try_cast("bigint")).drop("_order")
    return described.join(worth, "order_id", "left").withColumns({
        "is_converted": F.col("order_id").isNotNull(),
        "duration_hours": seconds_between(F.col("ended_at"), F.col("started_at")) / 3600.0,
        "as_of": F.lit(context.as_of),
    })  # fmt: skip


def summarise(journeys: DataFrame) -> DataFrame:
    """Return one row a customer: how many journeys, how many convert, how long and over which channels."""
    converted, mixed = F.col("is_converted"), F.col("is_converted") & (F.col("channel_count") > 1)
    return journeys.groupBy("customer_id").agg(
        F.count(F.lit(1)).alias("journey_count"),
        count_where(converted).alias("converted_journey_count"),
        ratio(count_where(converted), F.count(F.lit(1))).alias("journey_conversion_rate"),
        ratio(count_where(mixed), count_where(converted)).alias("cross_channel_conversion_share"),
        F.avg(F.when(converted, F.col("touchpoint_count"))).alias("mean_touchpoints_to_order"),
        F.avg(F.when(converted, F.col("duration_hours"))).alias("mean_hours_to_order"),
    )


def _touchpoints(tables: Tables) -> DataFrame:
    """An online order stands in the web's events and in the till's: the till's row is left out."""
    events = tables["silver/touchpoint_event"].where("customer_id is not null")
    events = events.where(~F.col("event_type").isin(*_NOT_STEPS))
    is_order = (F.col("event_type") == "purchase") & F.col("order_id").isNotNull()
    events = events.withColumn("is_order", is_order)
    online = events.where("is_order and channel <> 'store'").select("order_id", F.lit(True).alias("_online")).distinct()
    return (
        events.join(online, "order_id", "left")
        .where("not (is_order and channel = 'store' and _online is not null)")
        .select("customer_id", "event_at", "source", "event_id", "channel", "event_type", "session_id", "order_id",
                "is_order", F.concat_ws(":", "channel", "event_type").alias("step"))
    )  # fmt: skip


def _numbered(steps: DataFrame) -> DataFrame:
    mine = Window.partitionBy("customer_id").orderBy("event_at", "source", "event_id")
    gap = seconds_between(F.col("event_at"), F.lag("event_at").over(mine))
    ended = F.coalesce(F.lag("is_order").over(mine), F.lit(False))
    begins = F.when(gap.isNull() | (gap > GAP_DAYS * 86_400) | ended, 1).otherwise(0)
    marked = steps.withColumn("_begins", begins)
    so_far = mine.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    numbered = marked.withColumn("journey_number", F.sum("_begins").over(so_far))
    forward = Window.partitionBy("customer_id", "journey_number").orderBy("event_at", "source", "event_id")
    size = F.count(F.lit(1)).over(Window.partitionBy("customer_id", "journey_number"))
    changed = F.coalesce(F.lag("channel").over(forward) != F.col("channel"), F.lit(True))
    placed = numbered.withColumns({"_from_start": F.row_number().over(forward), "_size": size, "_channel_changes": changed})
    return placed.withColumn("_from_end", F.col("_size") - F.col("_from_start") + 1)


def _path(ordered: Column) -> Column:
    steps = F.array_sort(F.collect_list(ordered))
    return F.array_join(F.transform(steps, lambda item: item["step"]), " > ")
