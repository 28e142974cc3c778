"""The charts beside silver/identifier: pairs of register entries by threshold, and customers by how many they have."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from installation.lakehouse.lakehouse import Lakehouse
from pipelines.identity.drawing import draw_sizes, draw_thresholds
from pipelines.register.matching_session import MatchingSession
from pipelines.register.record import ANCHOR_KINDS

IDENTIFIER, MODEL = "silver/identifier", "silver/identity_model"


def identity_charts(lakehouse: Lakehouse, session: MatchingSession | None) -> Mapping[str, dg.MetadataValue]:
    """Return both charts with their figures; without the threshold chart where no model was trained yet."""
    keys = lakehouse.rows(IDENTIFIER, ["token_kind", "customer_id"]).to_pandas()
    numbers = keys[keys["token_kind"].isin(ANCHOR_KINDS) & (keys["token_kind"] != "email")]
    sizes = numbers["customer_id"].value_counts().value_counts().sort_index()
    people = {int(size): int(count) for size, count in sizes.items()}
    found: dict[str, dg.MetadataValue] = {
        "people_by_size_chart": _image(draw_sizes(people, "member and card numbers")),
        "people_by_size": dg.MetadataValue.json({str(size): count for size, count in people.items()}),
    }
    points = _points(lakehouse, session)
    if points:
        found["threshold_chart"] = _image(draw_thresholds(points))
        found["pairs_by_threshold"] = dg.MetadataValue.json(points)
    return found


def _points(lakehouse: Lakehouse, session: MatchingSession | None) -> list[dict[str, Any]]:
    """Of the model that this run trained, else of the one that is kept."""
    matching = session.matching if session else None
    if matching is not None and matching.trained is not None:
        from pipelines.identity.chart import chart_data

        return chart_data(matching.pairs, matching.reached.astype(np.int64))["pairs_by_threshold"]
    if not lakehouse.exists(MODEL):
        return []
    models: pd.DataFrame = lakehouse.rows(MODEL, ["trained_at", "pairs_by_threshold"]).to_pandas()
    if models.empty:
        return []
    points: list[dict[str, Any]] = json.loads(models.sort_values("trained_at")["pairs_by_threshold"].iloc[-1])
    return points


def _image(drawing: str) -> dg.MetadataValue:
    return dg.MetadataValue.md(f"![chart](data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()})")
