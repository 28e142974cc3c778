"""The card of the newest recommender as metadata of its asset, with what each objective costs."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from features.recommend.card_text import FRONTIER, QUALITY, card_sentences, frontier_rows, newest_first, quality_rows
from features.recommend.form import MODEL
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.orchestration.metadata_table import table_value


def recommender_card(lakehouse: Lakehouse) -> Mapping[str, dg.MetadataValue]:
    """Return the newest card, its quality and its objectives; nothing before the first fit."""
    for card in newest_first(lakehouse.rows(MODEL, ["card"])["card"].to_pylist())[:1]:
        return {
            "card": dg.MetadataValue.md("\n".join(f"- {line}" for line in (card.version, *card_sentences(card)))),
            "quality": table_value(QUALITY, quality_rows(card)),
            "objectives": table_value(FRONTIER, frontier_rows(card)),
        }
    return {}
