"""Builds gold/customer_journey: a customer's touchpoints in time order, grouped into journeys of two or more."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from features.transform.measure import count_where, distinct_count, ratio, seconds_between
from pipelines.derived_table.table import BuildContext, Tables

GAP_DAYS = 7
"""A longer gap between touchpoints ends a journey. Most households shop weekly."""
FEWEST_TOUCHPOINTS = 2
"""A single touchpoint has no path. Most are visits to a store without any contact before; they are orders only."""
PATH_STEPS = 30
"""Maximum number of steps in the path. The last ones are kept, since they are nearest to the order."""
_NOT_STEPS = ("coupon_redemption",)
"""Event types without a time of day: they are dated at midnight, so their position is unknown."""


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer and journey, from silver/touchpoint_event and gold/order_history."""
    steps = _numbered(_touchpoints(tables))
    ordered = F.array_sort(F.collect_list(F.struct("position", "step")))
    turns = F.array_sort(F.collect_list(F.when(F.col("turns"), F.struct("position", "channel"))))
    grouped = steps.groupBy("customer_id", "journey_number").agg(
        F.min("event_at").alias("started_at"),
        F.max("event_at").alias("ended_at"),
        F.count(F.lit(1)).alias("touchpoint_count"),
        distinct_count(F.col("session_id")).alias("session_count"),
        distinct_count(F.col("channel")).alias("channel_count"),
        count_where(F.col("channel").isin("web", "app")).alias("digital_touchpoint_count"),
        F.max(F.when(F.col("is_order"), F.col("order_id"))).alias("_order"),
        ordered.alias("_steps"),
        turns.alias("_turns"),
    )
    in_order = Window.partitionBy("customer_id").orderBy("journey_number")
    mine = grouped.where(F.col("touchpoint_count") >= FEWEST_TOUCHPOINTS).withColumn(
        "journey_number", F.row_number().over(in_order)
    )
    before_last = F.when(F.size("_steps") > 1, F.get("_steps", F.size("_steps") - 2))
    described = mine.select(
        *(name for name in mine.columns if not name.startswith("_")),
        F.element_at("_turns", 1)["channel"].alias("first_channel"),
        F.element_at("_turns", -1)["channel"].alias("last_channel"),
        before_last["step"].alias("last_step_before_end"),
        _path(F.col("_steps"), "step").alias("path"),
        _path(F.col("_turns"), "channel").alias("channel_path"),
        F.col("_order").isNotNull().alias("is_converted"),
        F.col("_order").try_cast("bigint").alias("order_id"),
        (seconds_between(F.col("ended_at"), F.col("started_at")) / 3600.0).alias("duration_hours"),
        F.lit(context.as_of).alias("as_of"),
    )
    values = tables["gold/order_history"].select("order_id", F.col("sales_value").alias("conversion_value"))
    return described.join(values, "order_id", "left")


def summarise(journeys: DataFrame) -> DataFrame:
    """Return one row per customer with the number, conversion rate and mean length of the journeys."""
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
    """Return the events that count as touchpoints.

    An online order appears as a web purchase and as a till record; the till record is left out.
    """
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
    """Return the steps with position, journey_number and `turns`.

    `turns` is true if the step starts a journey or changes the channel.

    All windows use the same sort order, so that the engine sorts only once.
    """
    mine = Window.partitionBy("customer_id").orderBy("event_at", "source", "event_id")
    gap = seconds_between(F.col("event_at"), F.lag("event_at").over(mine))
    ended = F.coalesce(F.lag("is_order").over(mine), F.lit(False))
    begins = gap.isNull() | (gap > GAP_DAYS * 86_400) | ended
    marked = steps.withColumns({
        "position": F.row_number().over(mine),
        "_begins": begins,
        "_other_channel": F.coalesce(F.lag("channel").over(mine) != F.col("channel"), F.lit(True)),
    })  # fmt: skip
    so_far = mine.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    return marked.withColumns({
        "journey_number": F.sum(F.col("_begins").cast("int")).over(so_far),
        "turns": F.col("_begins") | F.col("_other_channel"),
    })  # fmt: skip


def _path(steps: Column, name: str) -> Column:
    """Return the names of the last PATH_STEPS steps in time order, joined by " > "."""
    excess = F.greatest(F.size(steps) - PATH_STEPS, F.lit(0))
    kept = F.slice(steps, excess + 1, PATH_STEPS)
    return F.array_join(F.transform(kept, lambda item: item[name]), " > ")
