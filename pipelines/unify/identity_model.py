"""Builds silver/identity_model: the trained matching models, each with its number of pairs above each threshold."""

from __future__ import annotations

import hashlib
import json

import pandas as pd
from pyspark.sql import DataFrame

from pipelines.derived_table.table import PREVIOUS, BuildContext, Tables

_SCHEMA = (
    "model_id string, trained_at timestamp_ntz, person_count bigint, pair_count bigint, match_prior double, "
    "parameters string, pairs_by_threshold string"
)


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per model: the former models, and the model that silver/identifier trained in this run, if any."""
    former = tables[PREVIOUS].select(*(part.split()[0] for part in _SCHEMA.split(", ")))
    matching = context.matching.matching if context.matching else None
    if matching is None or matching.trained is None:
        return former
    from pipelines.charts.identity_figures import chart_data
    from pipelines.matching.model_json import write_model

    trained_at = tables["silver/identifier"].agg({"last_seen_at": "max"}).collect()[0][0]
    parameters = write_model(matching.trained, list(matching.columns))
    charts = chart_data(matching.pairs, matching.reached.astype("int64"))
    row = {
        "model_id": "m_" + hashlib.sha256(f"{trained_at}{parameters}".encode()).hexdigest()[:16],
        "trained_at": trained_at,
        "person_count": len(matching.reached),
        "pair_count": len(matching.pairs),
        "match_prior": json.loads(parameters)["model"]["prior"],
        "parameters": parameters,
        "pairs_by_threshold": json.dumps(charts["pairs_by_threshold"]),
    }
    new = context.spark.createDataFrame(pd.DataFrame([row]).astype({"trained_at": "datetime64[us]"}), _SCHEMA)
    return former.unionByName(new.join(former.select("model_id"), "model_id", "left_anti").select(*former.columns))
