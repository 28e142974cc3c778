"""Reads the newest cards and the newest model. They hold no personal data, so no consent is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from features.insight.errors import UnreadableRowError
from features.insight.segment.card import Card
from features.insight.segment.clustering import Stability
from features.insight.segment.errors import NoSegmentsError

if TYPE_CHECKING:
    from installation.lakehouse.lakehouse import Lakehouse

CARDS, MODELS = "gold/segment", "gold/segment_model"


@dataclass(frozen=True)
class Segmentation:
    """The newest cards, the largest segment first, and the fit that they come from.

    `agreement` is the adjusted Rand index with the segments before the fit; None for the first one.
    """

    as_of: date
    cards: tuple[Card, ...]
    fitted_on: date
    stability: Stability
    resample_count: int
    agreement: float | None
    silhouettes: dict[int, float]
    customer_count: int


def read_segmentation(lakehouse: Lakehouse) -> Segmentation:
    """Return the newest segmentation.

    Raises:
        NoSegmentsError: there is none, because no run has built one or too few customers permit it.
        UnreadableRowError: a card was damaged, or the model of the cards is missing.
    """
    rows = lakehouse.rows(CARDS, ["as_of", "card"]).to_pylist() if lakehouse.exists(CARDS) else []
    if not rows:
        raise NoSegmentsError
    day = max(row["as_of"] for row in rows)
    cards = [Card.from_json(row["card"]) for row in rows if row["as_of"] == day]
    fitted_on = max(card.fitted_on for card in cards)
    names = ["fitted_on", "stability", "stability_low", "stability_high", "resample_count", "former_agreement",
             "silhouettes", "customer_count"]  # fmt: skip
    fits = lakehouse.rows(MODELS, names).to_pylist() if lakehouse.exists(MODELS) else []
    fit = next((row for row in fits if row["fitted_on"] == fitted_on), None)
    if fit is None:
        raise UnreadableRowError(MODELS)
    return Segmentation(
        as_of=day,
        cards=tuple(sorted(cards, key=lambda card: (-card.customer_share, card.segment_id))),
        fitted_on=fitted_on,
        stability=Stability(fit["stability"], fit["stability_low"], fit["stability_high"]),
        resample_count=fit["resample_count"],
        agreement=fit["former_agreement"],
        silhouettes={int(count): value for count, value in json.loads(fit["silhouettes"]).items()},
        customer_count=fit["customer_count"],
    )
