"""Computes the rows of gold/customer_score from models and rows of gold/customer_score_input."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from features.insight.model.fitted import FittedModel
from features.insight.model.scoring import score
from features.insight.model.target import Target
from features.insight.score.model_table import model_id

TABLE = "gold/customer_score"
INPUT = "gold/customer_score_input"
COLUMNS = {
    Target.CHURN: "churn_probability",
    Target.SPEND: "expected_spend",
    Target.BUYS_SOON: "buys_soon_probability",
    Target.PREMIUM: "premium_probability",
    Target.NEW_CATEGORY: "new_category_probability",
    Target.NEXT_CATEGORY: "next_category",
}
"""The column of each target."""
SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("as_of", pa.date32()),
        *((name, pa.string() if target is Target.NEXT_CATEGORY else pa.float64()) for target, name in COLUMNS.items()),
        ("model_ids", pa.list_(pa.string())),
    ]
)


def score_rows(models: Mapping[Target, FittedModel], rows: pa.Table) -> pa.Table:
    """Return one row of SCHEMA for each row of the input of one day. A target without a model is null."""
    ids = sorted(model_id(model) for model in models.values())
    columns: dict[str, pa.Array] = {"customer_id": rows["customer_id"], "as_of": rows["as_of"]}
    for target, name in COLUMNS.items():
        kind = SCHEMA.field(name).type
        model = models.get(target)
        columns[name] = pa.nulls(rows.num_rows, kind) if model is None else score(model, rows).cast(kind)
    columns["model_ids"] = pa.array([ids] * rows.num_rows, pa.list_(pa.string()))
    return pa.table(columns, SCHEMA)
