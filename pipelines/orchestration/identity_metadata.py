"""The charts of silver/identifier as metadata, with the figures behind them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from installation.lakehouse.lakehouse import Lakehouse
from pipelines.charts.identity_chart import draw_sizes, draw_thresholds
from pipelines.register.matching_session import MatchingSession
from pipelines.register.record import ANCHOR_KINDS

IDENTIFIER, MODEL = "silver/identifier", "silver/identity_model"


def identity_charts(lakehouse: Lakehouse, session: MatchingSession | None) -> Mapping[str, dg.MetadataValue]:
    """Return both charts and their figures. Without a trained model the threshold chart is left out."""
    keys = lakehouse.rows(IDENTIFIER, ["token_kind", "customer_id"]).to_pandas()
    numbers = keys[keys["token_kind"].isin(ANCHOR_KINDS) & (keys["token_kind"] != "email")]
    sizes = numbers["customer_id"].value_counts().value_counts().sort_index()
    people = {int(size): int(count) for size, count in sizes.items()}
    metadata: dict[str, dg.MetadataValue] = {
        "people_by_size_chart": dg.MetadataValue.md(draw_sizes(people, "member and card numbers").to_markdown()),
        "people_by_size": dg.MetadataValue.json({str(size): count for size, count in people.items()}),
    }
    points = _threshold_points(lakehouse, session)
    if points:
        metadata["threshold_chart"] = dg.MetadataValue.md(draw_thresholds(points).to_markdown())
        metadata["pairs_by_threshold"] = dg.MetadataValue.json(points)
    return metadata


def _threshold_points(lakehouse: Lakehouse, session: MatchingSession | None) -> list[dict[str, Any]]:
    """Return the points of the model that this run trained, else of the newest stored model."""
    matching = session.matching if session else None
    if matching is not None and matching.trained is not None:
        # Here, because matching takes half a second to import and most runs train no model.
        from pipelines.charts.identity_figures import chart_data

        return chart_data(matching.pairs, matching.reached.astype(np.int64))["pairs_by_threshold"]
    if not lakehouse.exists(MODEL):
        return []
    models: pd.DataFrame = lakehouse.rows(MODEL, ["trained_at", "pairs_by_threshold"]).to_pandas()
    if models.empty:
        return []
    points: list[dict[str, Any]] = json.loads(models.sort_values("trained_at")["pairs_by_threshold"].iloc[-1])
    return points
