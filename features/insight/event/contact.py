"""Computes by which channel and at which hour a customer is best contacted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from features.insight.event.change_point import KEYS
from features.transform.snapshot import at_each_day

WINDOW_DAYS = 180
CHANNELS = ("app", "email", "service", "web")
"""Channels by which a message can reach a customer who is not in a store. `service` is the telephone or chat."""
HOURS = range(8, 21)
"""Hours in which an advertisement needs no separate consent to the night: 08:00 to 20:59 (Network Act art. 50(3))."""
PRIOR_DAYS = 5
"""The shares of all customers weigh as much as five active days of the customer."""


def contact(events: DataFrame, days: Sequence[date]) -> DataFrame:
    """Return one row per customer and day of `days` with an event in CHANNELS in the WINDOW_DAYS days before.

    The share of a value (a channel or an hour) is smoothed towards its share among all customers (base):

        share = (n + PRIOR_DAYS · base) / (N + PRIOR_DAYS)

    where n counts the days on which the customer was active there, and N is the sum of n. The best value has the
    greatest share; on a tie, the alphabetically first channel or the earliest hour.

    Args:
        events: silver/touchpoint_event.
        days: the days for which contacts are computed.

    Returns:
        customer_id, as_of, active_days, best_channel, best_channel_share, best_channel_base_share, and best_hour (0 to
        23), best_hour_share and best_hour_base_share, null when no customer was active in HOURS.
    """
    reached = events.where(F.col("customer_id").isNotNull() & F.col("channel").isin(*CHANNELS)).select(
        "customer_id", "event_date", "channel", F.hour("event_at").alias("hour")
    )
    known = at_each_day(reached.distinct(), "event_date", days, WINDOW_DAYS)
    active = known.groupBy(*KEYS).agg(F.size(F.collect_set("event_date")).alias("active_days"))
    channels = _best(known.select(*KEYS, "event_date", "channel").distinct(), "channel", active)
    by_day = known.where(F.col("hour").isin(*HOURS)).select(*KEYS, "event_date", "hour").distinct()
    return active.join(channels, KEYS).join(_best(by_day, "hour", active), KEYS, "left")


def _best(visits: DataFrame, value: str, customers: DataFrame) -> DataFrame:
    """Return for each customer the value with the greatest smoothed share, the share, and that of all customers.

    A customer without a visit gets the value that is the most frequent among all.
    """
    counted = visits.groupBy(*KEYS, value).agg(F.count(F.lit(1)).alias("_n"))
    whole = counted.groupBy("as_of").agg(F.sum("_n").alias("_whole"))
    base = (
        counted.groupBy("as_of", value)
        .agg(F.sum("_n").alias("_all"))
        .join(whole, "as_of")
        .select("as_of", value, _part("_all", "_whole").alias("_base"))
    )
    own = counted.groupBy(*KEYS).agg(F.sum("_n").alias("_total"))
    every = customers.select(*KEYS).join(base, "as_of").join(own, KEYS, "left").join(counted, [*KEYS, value], "left")
    count, total = (F.coalesce(name, F.lit(0)).cast("double") for name in ("_n", "_total"))
    share = (count + F.col("_base") * float(PRIOR_DAYS)) / (total + float(PRIOR_DAYS))
    order = Window.partitionBy(*KEYS).orderBy(F.col("_share").desc(), F.col(value))
    ranked = every.withColumn("_share", share).withColumn("_rank", F.row_number().over(order))
    return ranked.where("_rank = 1").select(
        *KEYS,
        F.col(value).alias(f"best_{value}"),
        F.col("_share").alias(f"best_{value}_share"),
        F.col("_base").alias(f"best_{value}_base_share"),
    )


def _part(part: str, whole: str) -> Column:
    return F.col(part).cast("double") / F.col(whole).cast("double")
