"""Keeps one row of several deliveries of the same record."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def latest(frame: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Return one row a key: the one loaded last, by load time, load, file and line, all of them from bronze."""
    order = Window.partitionBy(*keys).orderBy(
        F.col("_loaded_at").desc(), F.col("_load_id").desc(), F.col("_source_file").desc(), F.col("_line").desc()
    )
    return frame.withColumn("_rank", F.row_number().over(order)).where("_rank = 1").drop("_rank")


def latest_of_many(frame: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Return what `latest` returns, for tables of events: half its time there, more than its time on small tables.

    Repetitions are rare, so only the rows of repeated keys are ranked.
    """
    repeated = frame.groupBy(*keys).agg(F.count(F.lit(1)).alias("_rows")).where("_rows > 1").select(*keys)
    ranked = latest(frame.join(repeated, list(keys), "left_semi"), keys)
    return frame.join(repeated, list(keys), "left_anti").unionByName(ranked)
