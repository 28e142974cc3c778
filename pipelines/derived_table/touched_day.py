"""Finds the days of a table partitioned by day that must be written again."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from installation.contract.document import Contract


def touched_days(before: DataFrame, after: DataFrame, day: str, contract: Contract) -> tuple[date, ...]:
    """Return the days on which the rows before and after differ, in order.

    The number of rows and the sum of the row hashes of each day are compared. This finds every change of a day: new or
    late rows, corrections, customers found or merged later, and erasures.
    """
    old = _digests(before, day, contract).select(day, F.col("rows").alias("_rows"), F.col("hash").alias("_hash"))
    new = _digests(after, day, contract)
    same = (F.col("rows") == F.col("_rows")) & (F.col("hash") == F.col("_hash"))
    differing = new.join(old, day, "full_outer").where(~F.coalesce(same, F.lit(False)))
    return tuple(sorted(row[0] for row in differing.select(day).collect()))


def _digests(frame: DataFrame, day: str, contract: Contract) -> DataFrame:
    columns = [F.col(c.name).cast(c.spark_type).cast("string") for c in contract.columns]
    marked = [F.coalesce(column, F.lit("\x00")) for column in columns]
    row_hash = F.xxhash64(*marked).cast("decimal(20,0)")
    return frame.groupBy(day).agg(F.count(F.lit(1)).alias("rows"), F.sum(row_hash).alias("hash"))
