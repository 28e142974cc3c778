"""A fitted model with its card, and its form as JSON, in which gold/insight_model keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from features.insight.model.additive import AdditiveModel, Shape
from features.insight.model.card import ModelCard


@dataclass(frozen=True)
class FittedModel:
    """An additive model and what turns its sum into a score.

    Attributes:
        card: origin and quality.
        additive: the sum: log-odds of a probability, square root of an amount, or log-odds of one category of a ranking.
        slope: calibrated log-odds are `slope` · sum + `offset`. 1 and 0 for other kinds.
        offset: see `slope`.
        popularity: share of next baskets with a category among the customers who list it; empty except in a ranking.
    """

    card: ModelCard
    additive: AdditiveModel
    slope: float = 1.0
    offset: float = 0.0
    popularity: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the model as JSON, from which `from_json` makes an equal model."""
        held = {"additive": asdict(self.additive), "slope": self.slope, "offset": self.offset}
        return json.dumps({**held, "card": json.loads(self.card.to_json()), "popularity": dict(self.popularity)})

    @classmethod
    def from_json(cls, text: str) -> FittedModel:
        """Return the model of a JSON text of `to_json`."""
        held = json.loads(text)
        shapes = tuple(
            Shape(one["feature"], tuple(one["knots"]), tuple(one["values"]), one["missing"])
            for one in held["additive"]["shapes"]
        )
        additive = AdditiveModel(held["additive"]["base"], shapes)
        card = ModelCard.from_json(json.dumps(held["card"]))
        return cls(card, additive, held["slope"], held["offset"], held["popularity"])
