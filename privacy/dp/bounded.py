"""Bounds each customer's contribution and adds up groups: the only code that reads rows, in one pass, in integers.

1. `lay_out` (once per version of a table): numbers each customer's rows in an order drawn by a keyed hash.
   Keeping R rows per customer is then a filter, `_rank` ≤ R, without a shuffle by customer.
2. `contributions`: clips the measure, then makes one row per customer and group that counts as at most L∞ rows, in at
   most L0 groups. If L0·L∞ > R, it first draws R rows of each customer; otherwise R holds without drawing.
3. `aggregate`: adds these rows up by group.

If a customer has n > L∞ rows in one group, their sum is scaled to L∞ rows: sum·L∞/n, rounded toward zero. This lies in
[−L∞·half, L∞·half], as the sum of L∞ rows would, so the bound is the same and the variance is smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.sql import Column, Window
from pyspark.sql import functions as F

from privacy.dp.condition import keep, require_columns, require_kinds
from privacy.dp.fixed_point import FixedPoint

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from privacy.dp.question import Key, Question

RANK = "_rank"
DRAWN = "_drawn"
UNIT = "_unit"
# Aggregates of a group: number of pairs (customers, if each has one row a group), rows, steps, square steps.
SUMS = ("customers", "n", "s", "q")


def lay_out(frame: DataFrame, unit: str, within: Sequence[str] = (), seed: int = 0) -> DataFrame:
    """Return `frame` with `_rank`: 1, 2, … over each customer's rows, in an order drawn by a hash keyed by `seed`.

    Grain and columns stay; rows without a customer are left out. Rows that are equal in every column may swap their
    numbers, which changes no aggregate. For each column of `within`, `_rank_<column>` numbers the customer's rows with
    one value of it, so that L∞ rows per group is a filter as well. Write the result once and use it for every question.
    """
    require_columns(frame, {unit})
    columns = sorted(column for column in frame.columns if not column.startswith(RANK))
    drawn = _drawn(columns, seed)
    ranks = [
        F.row_number().over(Window.partitionBy(unit, *column).orderBy(drawn, *columns)).alias("_".join([RANK, *column]))
        for column in [[], *([name] for name in within)]
    ]
    return frame.where(F.col(unit).isNotNull()).select(*columns, *ranks)


def contributions(frame: DataFrame, question: Question, draws_rows: bool = False) -> DataFrame:
    """Return the bounded contribution of each customer: `_unit`, `k0`, `k1`, …, `n`, `s` and `q`.

    Grain: one row per customer and group; one row per row of `frame` (n = 1, without a shuffle) if `is_filtered`.
    Columns: `k0`, … are the keys as text. `n` is the number of rows, at most L∞ per group and R per customer. `s` is
    the sum of the measure's distance from its centre in steps of its resolution, `q` the sum of the squares of these
    distances (see `FixedPoint`); both are 0 without a measure. A customer has at most L0 groups.

    Args:
        frame: the table. If `lay_out` has numbered its rows, a filter may leave fewer than R rows of a customer,
            because the numbers count all rows. Otherwise the rows that meet the filter are numbered here, which costs a
            shuffle by customer.
        question: the question.
        draws_rows: whether to draw R rows of each customer first, even if the other bounds ensure R. Needed if groups
            are values of the measure, because each of a customer's many rows could be in a group of its own.

    Raises:
        BadQuestion: a column is missing or has the wrong type.
    """
    require_kinds(frame, question)
    bounds = question.contribution()
    is_by_filter = is_filtered(frame.columns, question)
    draws_rows = draws_rows or is_by_filter or bounds.groups * bounds.rows_per_group > bounds.rows
    keys = [f"k{at}" for at in range(len(question.group_by))]
    steps, squares = _measure(question)
    is_laid = RANK in frame.columns
    ranks = [F.col(name) for name in frame.columns if name.startswith(RANK)]
    rows = keep(frame, question.where).select(
        F.col(question.unit).alias(UNIT),
        *(_key(key).alias(name) for name, key in zip(keys, question.group_by, strict=True)),
        steps.alias("v"),
        squares.alias("w"),
        *(ranks if is_laid else [_drawn(frame.columns, 0)]),
    )
    rows = rows.where(F.col(UNIT).isNotNull() & F.col("v").isNotNull())
    for name, key in zip(keys, question.group_by, strict=True):
        rows = rows.where(F.col(name).isNotNull())
        if key.values is not None or key.days is not None:
            rows = rows.where(F.col(name).isin(*key.public_values()))
    if draws_rows and not is_laid:
        drawn = Window.partitionBy(UNIT).orderBy(DRAWN, *keys, "v", "w")
        rows = rows.withColumn(RANK, F.row_number().over(drawn))
    if draws_rows:
        rows = rows.where(F.col(RANK) <= bounds.rows)
    if is_by_filter and bounds.rows_per_group < bounds.rows:
        rows = rows.where(F.col(f"{RANK}_{question.group_by[0].column}") <= bounds.rows_per_group)
    most = bounds.rows_per_group
    if is_by_filter:
        return rows.select(
            UNIT, *keys, F.lit(1).cast("bigint").alias("n"), F.col("v").alias("s"), F.col("w").alias("q")
        )
    pairs = rows.groupBy(UNIT, *keys).agg(F.count("*").alias("n"), F.sum("v").alias("s"), F.sum("w").alias("q"))
    capped = pairs.select(
        UNIT,
        *keys,
        F.least(F.col("n"), F.lit(most).cast("bigint")).alias("n"),
        _scaled("s", most).alias("s"),
        _scaled("q", most).alias("q"),
    )
    if not keys or (draws_rows and bounds.groups >= bounds.rows):
        return capped
    order = Window.partitionBy(UNIT).orderBy(F.xxhash64(UNIT, *keys), *keys)
    ranked = capped.withColumn(RANK, F.row_number().over(order))
    return ranked.where(F.col(RANK) <= bounds.groups).drop(RANK)


def is_filtered(columns: Sequence[str], question: Question) -> bool:
    """Return whether filters on the numbers of `lay_out` ensure all bounds, so that no shuffle by customer is needed.

    `_rank` ≤ R ensures R, and with it L0 ≥ R and L∞ ≥ R. A smaller L∞ needs `_rank_<column>` of the column whose values
    the question groups by.
    """
    bounds = question.contribution()
    if "customers" in question.statistics or question.is_private or bounds.groups < bounds.rows:
        return False
    if bounds.rows_per_group >= bounds.rows:
        return True
    keys = question.group_by
    return len(keys) == 1 and keys[0].values is not None and f"{RANK}_{keys[0].column}" in columns


def aggregate(pairs: DataFrame, key_count: int) -> DataFrame:
    """Return contributions added up by group: `k0`, `k1`, …, `customers`, `n`, `s`, `q`. Exact, so not for release."""
    keys = [f"k{at}" for at in range(key_count)]
    counted, *summed = SUMS
    return pairs.groupBy(*keys).agg(F.count("*").alias(counted), *(F.sum(name).alias(name) for name in summed))


def _measure(question: Question) -> tuple[Column, Column]:
    if question.measure is None:
        return F.lit(0).cast("bigint"), F.lit(0).cast("bigint")
    form = FixedPoint(question.measure)
    raw = F.col(question.measure.column).try_cast("double")
    clipped = F.greatest(F.lit(form.lower), F.least(F.lit(form.upper), raw))
    steps = F.floor((clipped - F.lit(form.centre)) / F.lit(form.resolution) + F.lit(0.5)).cast("bigint")
    bounded = F.greatest(F.lit(-form.half).cast("bigint"), F.least(F.lit(form.half).cast("bigint"), steps))
    # Null and NaN become null; the caller leaves these rows out.
    known = F.when(raw.isNotNull() & ~F.isnan(raw), bounded)
    squares = F.floor(known * known / F.lit(form.square_step)).cast("bigint") - F.lit(form.square_half)
    return known, squares.cast("bigint")


def _scaled(name: str, most: int) -> Column:
    # name·L∞/n without that product: |name| ≤ n·2³¹ and L∞ ≤ 10⁴, so no number here exceeds 2⁶³ below 2⁴⁹ rows.
    scaled = F.expr(f"({name} div n) * {most} + (({name} % n) * {most}) div n")
    return F.when(F.col("n") <= most, F.col(name)).otherwise(scaled)


def _key(key: Key) -> Column:
    column = F.col(key.column)
    if key.days is not None:
        # Times outside the range become null first: truncating the year 9999 is an error on some engines, and the
        # error would reveal the row.
        moment = column.try_cast("timestamp")
        first, end = (F.lit(day.isoformat()).cast("timestamp") for day in key.days.span())
        inside = F.when((moment >= first) & (moment < end), moment)
        return F.date_format(F.date_trunc(key.days.step, inside), "yyyy-MM-dd")
    if key.edges is not None:
        number, found = column.try_cast("double"), F.lit(None).cast("string")
        # From the highest bin down. Spark orders NaN above all numbers; it is in no bin.
        outside = number.isNull() | F.isnan(number)
        if not key.open_ends:
            outside |= (number >= key.edges[-1]) | (number < key.edges[0])
        found = F.when(outside, found)
        labels = key.public_values()
        for edge, label in reversed(list(zip(key.edges[1:-1], labels[1:], strict=True))):
            found = found.when(number >= edge, F.lit(label))
        return found.otherwise(F.lit(labels[0]))
    return column.cast("string")


def _drawn(columns: Sequence[str], seed: int) -> Column:
    """Return the sort order in which a customer's rows are drawn: a keyed hash of all columns of a row."""
    hashed = sorted(column for column in columns if not column.startswith(RANK))
    return F.xxhash64(F.lit(seed), *(F.col(column).cast("string") for column in hashed)).alias(DRAWN)
