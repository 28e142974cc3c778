"""The model cards of gold/insight_model as metadata of its asset, with their calibration charts."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from features.insight.model.card import ModelCard
from features.insight.score.card_text import HEADINGS, card_sentences, metric_rows, newest_cards
from features.insight.score.model_table import TABLE
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.charts.calibration_chart import draw_calibration
from pipelines.orchestration.metadata_table import table_value


def model_cards(lakehouse: Lakehouse) -> Mapping[str, dg.MetadataValue]:
    """Return the newest card of each target, its metrics and its calibration chart."""
    cards = newest_cards(ModelCard.from_json(row["card"]) for row in lakehouse.rows(TABLE, ["card"]).to_pylist())
    found: dict[str, dg.MetadataValue] = {}
    for card in cards:
        found[f"{card.target}_card"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in card_sentences(card)))
        if card.metrics:
            found[f"{card.target}_metrics"] = table_value(HEADINGS, metric_rows(card))
        if shown := card.calibration:
            chart = draw_calibration(shown.predicted, shown.observed, shown.error, shown.band)
            found[f"{card.target}_calibration"] = dg.MetadataValue.md(chart.to_markdown())
    return found
