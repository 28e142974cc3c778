"""Builds gold/insight_model: keeps the former models, and fits new ones when a complete new horizon has ended."""

from __future__ import annotations

from datetime import date
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.insight.model.target import TARGETS, Target
from features.insight.score.model_table import due_targets, fit_models, model_row, read_models
from features.insight.score.score_row import INPUT
from pipelines.derived_table.table import PREVIOUS, BuildContext, Tables

MOST_ROWS = 100_000
"""Rows of one fit. More rows change the models little: their shapes have few degrees of freedom."""
_BUCKETS = 1_000_000


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per target and fit: the former models, and those that this run fitted."""
    contract, rows = context.contracts.table("gold/insight_model"), tables[INPUT]
    former = tables[PREVIOUS].select(*(column.name for column in contract.columns))
    horizon_days = int(context.contracts.table(INPUT).transform["parameters"]["horizon_days"])
    kept = read_models(former.select("model_id", "parameters").toArrow().to_pylist())
    due = due_targets(kept, _labelled_to(rows), context.as_of, horizon_days)
    if not due:
        return former
    fitted = fit_models(due, _sample(rows.where(_has_label())), context.as_of, horizon_days)
    if not fitted:
        return former
    new = pa.Table.from_pylist([model_row(model) for model in fitted], contract.arrow_schema())
    # The build of a run that was killed may have written the same models.
    added = context.spark.createDataFrame(new).join(former.select("model_id"), "model_id", "left_anti")
    return former.unionByName(added)


def _labelled_to(rows: DataFrame) -> dict[Target, date | None]:
    """Return for each target the last day with a label."""
    last = (F.max(F.when(F.col(spec.label).isNotNull(), F.col("as_of"))).alias(t) for t, spec in TARGETS.items())
    return {Target(name): day for name, day in rows.agg(*last).collect()[0].asDict().items()}


def _has_label() -> Column:
    return reduce(Column.__or__, (F.col(spec.label).isNotNull() for spec in TARGETS.values()))


def _sample(rows: DataFrame) -> pa.Table:
    """Return about MOST_ROWS rows: all days of customers chosen by a hash of their id."""
    count = rows.count()
    if count > MOST_ROWS:
        rows = rows.where(F.pmod(F.xxhash64("customer_id"), F.lit(_BUCKETS)) < int(_BUCKETS * MOST_ROWS / count))
    return rows.toArrow()
