"""Builds gold/customer_score: scores each day by the newest models that were fitted on or before it."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.insight.score.model_table import TABLE as MODELS
from features.insight.score.model_table import models_on, read_models
from features.insight.score.score_row import INPUT, SCHEMA, TABLE, score_rows
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.lakehouse.spark_type import spark_schema

CHUNK_ROWS = 200_000
"""Rows that are scored at once, so that the memory does not grow with the number of customers."""


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer and day of the input, for the days on which a model was known."""
    models = read_models(tables[MODELS].select("model_id", "parameters").toArrow().to_pylist())
    rows, scored = tables[INPUT], [SCHEMA.empty_table()]
    days = rows.groupBy("as_of").count().orderBy("as_of").collect()
    for day, count in days:
        if known := models_on(models, day):
            scored += [score_rows(known, part) for part in _chunks(rows.where(F.col("as_of") == F.lit(day)), count)]
    made = pa.concat_tables(scored)
    # Spark reads no column types from an empty Arrow table.
    schema = spark_schema(context.contracts.table(TABLE))
    return context.spark.createDataFrame(made) if made.num_rows else context.spark.createDataFrame([], schema)


def _chunks(rows: DataFrame, count: int) -> Iterator[pa.Table]:
    """Yield the rows in parts of about CHUNK_ROWS, by a hash of the customer."""
    parts = -(-count // CHUNK_ROWS)
    part = F.pmod(F.xxhash64("customer_id"), F.lit(parts))
    for number in range(parts):
        yield (rows if parts == 1 else rows.where(part == number)).toArrow()
