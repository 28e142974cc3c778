"""Computes by which channel and at which hour a customer is best contacted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.insight.event.change_point import KEYS
from features.transform.snapshot import at_each_day

WINDOW_DAYS = 180
CHANNELS = ("app", "email", "service", "web")
"""Channels by which a message can reach a customer who is not in a store. `service` is the telephone or chat."""
HOURS = range(8, 21)
"""Hours in which an advertisement needs no separate consent to the night: 08:00 to 20:59 (Network Act art. 50(3))."""
_VALUES: dict[str, Sequence[str | int]] = {"channel": CHANNELS, "hour": HOURS}
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
    reached = events.where(F.col("customer_id").isNotNull() & F.col("channel").isin(*CHANNELS))
    known = at_each_day(
        reached.select("customer_id", "event_date", "channel", F.hour("event_at").alias("hour")),
        "event_date",
        days,
        WINDOW_DAYS,
    )
    flags = {_column(name, value): F.col(name) == value for name, values in _VALUES.items() for value in values}
    by_day = known.groupBy(*KEYS, "event_date").agg(
        *(F.max(F.when(flag, 1).otherwise(0)).alias(name) for name, flag in flags.items())
    )
    counted = by_day.groupBy(*KEYS).agg(
        F.count(F.lit(1)).cast("int").alias("active_days"), *(F.sum(name).alias(name) for name in flags)
    )
    everyone = counted.groupBy("as_of").agg(*(F.sum(name).alias(f"_all{name}") for name in flags))
    best = [column for name, values in _VALUES.items() for column in _best(name, values)]
    return counted.join(F.broadcast(everyone), "as_of").select(*KEYS, "active_days", *best)


def _column(name: str, value: object) -> str:
    return f"_{name}_{value}"


def _best(name: str, values: Sequence[str | int]) -> list[Column]:
    """Return the value with the greatest smoothed share, the share, and that of all customers."""
    columns = [_column(name, value) for value in values]
    total = reduce(Column.__add__, (F.col(column) for column in columns)).cast("double")
    whole = reduce(Column.__add__, (F.col(f"_all{column}") for column in columns)).cast("double")
    bases = [F.when(whole > 0, F.col(f"_all{column}").cast("double") / whole) for column in columns]
    shares = [
        (F.col(column).cast("double") + base * float(PRIOR_DAYS)) / (total + float(PRIOR_DAYS))
        for column, base in zip(columns, bases, strict=True)
    ]
    greatest = F.greatest(*shares)
    is_best = [share == greatest for share in shares]
    return [
        F.coalesce(*(F.when(flag, F.lit(value)) for flag, value in zip(is_best, values, strict=True))).alias(
            f"best_{name}"
        ),
        greatest.alias(f"best_{name}_share"),
        F.coalesce(*(F.when(flag, base) for flag, base in zip(is_best, bases, strict=True))).alias(
            f"best_{name}_base_share"
        ),
    ]
