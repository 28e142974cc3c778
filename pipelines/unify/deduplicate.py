"""Repeated deliveries of one row."""

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
