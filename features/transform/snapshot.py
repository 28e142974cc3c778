"""Assigns events to the days for which features are computed (snapshots). No event counts for an earlier day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def month_ends(as_of: date, count: int, step: int = 1) -> tuple[date, ...]:
    """Return the last days of `count` months before the month of `as_of`, every `step` months, and `as_of` itself.

    The days of the past stay the same from run to run, except that the oldest one falls away.

    >>> [str(day) for day in month_ends(date(2017, 3, 15), 2)]
    ['2017-01-31', '2017-02-28', '2017-03-15']
    >>> [str(day) for day in month_ends(date(2017, 8, 15), 2, step=3)]
    ['2017-03-31', '2017-06-30', '2017-08-15']
    """
    months = as_of.year * 12 + as_of.month - 1
    starts = [month for month in range(months, months - count * step, -1) if month % step == 0][:count]
    return (*(date(month // 12, month % 12 + 1, 1) - timedelta(1) for month in reversed(starts)), as_of)


def at_each_day(facts: DataFrame, day: str, days: Sequence[date], window_days: int | None = None) -> DataFrame:
    """Return each fact once for each of the days for which it counts, as column `as_of`.

    A fact counts from its own day on: for the `window_days` days that end with `as_of`, or for ever.

    Args:
        facts: rows with the date column `day`.
        day: name of that column.
        days: the days for which features are computed.
        window_days: length of the window; None counts everything up to the day.
    """
    counts = F.filter(F.array(*(F.lit(one) for one in days)), lambda one: _is_within(F.col(day), one, window_days))
    return facts.withColumn("as_of", F.explode(counts))


def in_window(day: Column, window_days: int | None) -> Column:
    """Return whether a day lies in the `window_days` days that end with column `as_of`."""
    return _is_within(day, F.col("as_of"), window_days)


def _is_within(day: Column, end: Column, window_days: int | None) -> Column:
    is_past = day <= end
    return is_past if window_days is None else is_past & (day > F.date_sub(end, window_days))
