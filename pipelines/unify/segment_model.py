"""Builds gold/segment_model: the fitted segmentations, and a new one in each month."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.insight.group_size import K, told_size
from features.insight.segment.clustering import RESAMPLES, SAMPLE_ROWS
from features.insight.segment.matching import match_segments
from features.insight.segment.model import HAS_ORDER, NO_ORDER, SegmentModel, fit, next_fit_is_due, traits_digest
from features.insight.segment.trait import TABLE, TRAITS
from pipelines.derived_table.table import PREVIOUS, BuildContext, Tables
from pipelines.lakehouse.spark_type import spark_schema

MODEL = "gold/segment_model"
SEGMENT = "gold/customer_segment"
LEAST_SEGMENT_SHARE = 0.02
"""Segments of fewer customers are not fitted: too few for a campaign, and the first to fall below K."""
_SEED = 20240613


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per fit: the former ones, and one of this day if a fit is due and at least K customers permit it.

    A fit is due in each new month, when the customers have doubled or halved, and when other traits are compared.
    """
    contract = context.contracts.table(MODEL)
    former = tables[PREVIOUS].select(*(column.name for column in contract.columns))
    people = tables[TABLE].where(HAS_ORDER).select("customer_id", *raw_traits())
    count, newest = people.count(), newest_model(former, context)
    if count < K or (newest is not None and not _is_due(newest, count, context)):
        return former
    sample = _sample(people, latest_segments(tables[SEGMENT], context))
    values = sample[[trait.name for trait in TRAITS]].to_numpy(np.float64)
    fewest = math.ceil(max(K * len(sample) / count, LEAST_SEGMENT_SHARE * len(sample)))
    model, found = fit(values, fewest, _SEED)
    is_known = sample["former"].notna()
    labels = pd.Series(model.label(values))[is_known]
    used = _highest_number(former)
    match = match_segments(sample["former"][is_known].tolist(), labels.tolist(), list(model.centers), used)
    row: dict[str, Any] = {
        "fitted_on": context.as_of,
        "segment_count": len(model.centers),
        "customer_count": told_size(count),
        "sample_count": told_size(found.fitted_rows),
        "resample_count": RESAMPLES,
        "stability": found.stability.mean,
        "stability_low": found.stability.low,
        "stability_high": found.stability.high,
        "former_agreement": match.agreement,
        "silhouettes": json.dumps({str(k): round(value, 4) for k, value in found.silhouettes.items()}),
        "highest_number": max(used, *(int(name[1:]) for name in match.names.values())),
        "traits": [scale.trait for scale in model.scales],
        "model": model.renamed(match.names).to_json(),
    }
    schema = spark_schema(contract)
    new = context.spark.createDataFrame([tuple(row[field.name] for field in schema.fields)], schema)
    return former.where(F.col("fitted_on") != F.lit(context.as_of)).unionByName(new)


def raw_traits() -> list[Any]:
    """Return the columns of the traits' values, for a frame with the columns of gold/customer_360."""
    return [F.expr(trait.sql).alias(trait.name) for trait in TRAITS]


def newest_model(models: DataFrame, context: BuildContext) -> Any:
    """Return the row of the newest fit on or before the reference date; None if there is none."""
    known = models.where(F.col("fitted_on") <= F.lit(context.as_of))
    rows = known.orderBy(F.col("fitted_on").desc()).limit(1).collect()
    return rows[0] if rows else None


def latest_segments(segments: DataFrame, context: BuildContext) -> DataFrame:
    """Return the segment of each customer, as `former`, on the newest day on or before the reference date."""
    past = segments.where(F.col("as_of") <= F.lit(context.as_of))
    day = past.agg(F.max("as_of").alias("as_of"))
    return past.join(day, "as_of").select("customer_id", F.col("segment_id").alias("former"))


def _is_due(newest: Any, count: int, context: BuildContext) -> bool:
    is_other = SegmentModel.from_json(newest["model"]).traits_digest != traits_digest()
    return is_other or next_fit_is_due(newest["fitted_on"], context.as_of, newest["customer_count"], count)


def _sample(people: DataFrame, former: DataFrame) -> pd.DataFrame:
    """Return SAMPLE_ROWS customers with their traits and former segment, chosen by a hash, in order of id."""
    chosen = people.orderBy(F.xxhash64("customer_id"), "customer_id").limit(SAMPLE_ROWS)
    known = former.where(F.col("former") != NO_ORDER)
    return chosen.join(known, "customer_id", "left").toPandas().sort_values("customer_id", ignore_index=True)


def _highest_number(former: DataFrame) -> int:
    return int(former.agg(F.max("highest_number")).collect()[0][0] or 0)
