"""Makes column expressions for ratios, medians and conditional sums that give equal results on every engine."""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

MONEY = "decimal(18,2)"


def ratio(part: Column, whole: Column) -> Column:
    """Return part / whole as double; null when the whole is null or zero.

    Both are cast to double first, because the engines divide decimals with different scales.
    """
    whole_number = whole.cast("double")
    return F.when(whole_number != 0, part.cast("double") / whole_number)


MOST_TIMES = 10.0
"""Ratios of two amounts or times are capped here. A greater ratio says that the whole is too small, not how great."""


def at_most(value: Column, most: float) -> Column:
    """Return the value, or `most` where the value is greater; null where the value is null.

    `F.least` is not used, because it skips nulls: `least(null, 1.0)` is 1.0.
    """
    return F.when(value > most, F.lit(most)).otherwise(value)


def times(part: Column, whole: Column) -> Column:
    """Return how many times `whole` goes into `part`, capped at MOST_TIMES; null when the whole is null or zero."""
    return at_most(ratio(part, whole), MOST_TIMES)


def total(value: Column) -> Column:
    """Return the exact sum of an amount of money, as decimal(18,2)."""
    return F.sum(value).cast(MONEY)


def total_where(condition: Column, value: Column) -> Column:
    """Return the exact sum of money over the rows that meet the condition; 0 when no row does."""
    return F.coalesce(F.sum(F.when(condition, value)), F.lit(0)).cast(MONEY)


def count_where(condition: Column) -> Column:
    """Return the number of rows that meet the condition; rows where it is null do not count."""
    return F.coalesce(F.sum(F.when(condition, 1).otherwise(0)), F.lit(0)).cast("bigint")


def distinct_count(value: Column) -> Column:
    """Return the number of different values; null is not counted.

    Counts a collected list instead of using `count(distinct)`: Sail is a hundred times slower with two of them in one
    aggregation.
    """
    return F.size(F.array_distinct(F.collect_list(value))).cast("bigint")


def share_where(condition: Column) -> Column:
    """Return the share of rows that meet the condition, among rows where it is not null; null without such rows."""
    return F.avg(condition.cast("double"))


def median(value: Column) -> Column:
    """Return the exact median of a group as double; null when the group has no value.

    Sorts a collected list, which takes a third of the time of Sail's `percentile` on many small groups.
    """
    return middle(F.array_sort(F.collect_list(value.cast("double"))))


def middle(ordered: Column) -> Column:
    """Return the median of a sorted array as double: the middle value, or the mean of the two middle values."""
    size = F.size(ordered)
    low, high = F.get(ordered, F.floor((size - 1) / 2).cast("int")), F.get(ordered, F.floor(size / 2).cast("int"))
    return (low + high).cast("double") / 2.0


def top_value(frame: DataFrame, keys: list[str], value: str, weight: str, name: str) -> DataFrame:
    """Return one row per key with the value of the greatest weight; on a tie, the smallest value.

    Args:
        frame: one row per key and value, with the weight; rows with a null value are left out.
        keys: columns of the key.
        value: column that holds the value.
        weight: column by which the values are ranked.
        name: name of the returned column with the value.
    """
    order = Window.partitionBy(*keys).orderBy(F.col(weight).desc(), F.col(value).asc())
    ranked = frame.where(F.col(value).isNotNull()).withColumn("_rank", F.row_number().over(order))
    return ranked.where("_rank = 1").select(*keys, F.col(value).alias(name))


def most_frequent(frame: DataFrame, keys: list[str], value: str, name: str) -> DataFrame:
    """Return one row per key with the most frequent non-null value as column `name`; on a tie, the smallest value."""
    counted = frame.groupBy(*keys, value).agg(F.count(F.lit(1)).alias("_rows"))
    return top_value(counted, keys, value, "_rows", name)


def days_between(later: Column, earlier: Column) -> Column:
    """Return the number of whole days from the earlier to the later date; negative when they are swapped."""
    return F.datediff(later, earlier)


def days_before(as_of: date, day: Column) -> Column:
    """Return by how many days a day lies before the reference date; 0 for the day after it, which ingest tolerates."""
    days = days_between(F.lit(as_of), day)
    return F.when(days < 0, 0).otherwise(days)


def iso_weekday(day: Column) -> Column:
    """Return the ISO weekday, 1 (Monday) to 7 (Sunday).

    Computed from the day's number, because `weekday` of Sail 0.7 is wrong by one on Sundays.
    """
    return (F.pmod(F.unix_date(day) + 3, F.lit(7)) + 1).cast("int")


def seconds_between(later: Column, earlier: Column) -> Column:
    """Return the seconds from the earlier to the later local time as double, with fractions."""
    return _micros(later) / F.lit(1e6) - _micros(earlier) / F.lit(1e6)


def _micros(time: Column) -> Column:
    return F.unix_micros(time.cast("timestamp")).cast("double")
