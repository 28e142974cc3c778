"""A fitted model with its card, and its form as JSON, in which gold/insight_model keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from features.insight.errors import reading
from features.insight.model.additive import AdditiveModel, Shape
from features.insight.model.card import ModelCard


@dataclass(frozen=True)
class Predictor:
    """An additive model and what turns its sum into a score.

    Attributes:
        additive: sum: log-odds of a probability, square root of an amount, or log-odds of one category of a ranking.
        slope: calibrated log-odds are `slope` · sum + `offset`. 1 and 0 for other kinds.
        offset: see `slope`.
        popularity: share of next baskets with a category among the customers who list it; empty except in a ranking.
    """

    additive: AdditiveModel
    slope: float = 1.0
    offset: float = 0.0
    popularity: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class FittedModel:
    """A model with its card: origin and quality."""

    card: ModelCard
    predictor: Predictor

    def to_json(self) -> str:
        """Return the model as JSON, from which `from_json` makes an equal model."""
        return json.dumps({"card": json.loads(self.card.to_json()), "predictor": asdict(self.predictor)})

    @classmethod
    def from_json(cls, text: str) -> FittedModel:
        """Return the model of a JSON text of `to_json`.

        Raises:
            UnreadableRowError: it is none.
        """
        with reading("gold/insight_model"):
            return cls._of(json.loads(text))

    @classmethod
    def _of(cls, held: dict[str, Any]) -> FittedModel:
        card, predictor = ModelCard.from_json(json.dumps(held["card"])), held["predictor"]
        shapes = tuple(
            Shape(one["feature"], tuple(one["knots"]), tuple(one["values"]), one["missing"])
            for one in predictor["additive"]["shapes"]
        )
        return cls(card, Predictor(**{**predictor, "additive": AdditiveModel(predictor["additive"]["base"], shapes)}))
