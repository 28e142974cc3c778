"""The model card: what a model was fitted on, and how well it predicts days that it had not seen."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from features.insight.errors import reading
from features.insight.model.target import Target

LARGEST_ERROR = 0.03
"""Expected calibration error that is allowed even where the band of a perfectly calibrated model is narrower."""


@dataclass(frozen=True)
class Metric:
    """One figure of a model on the held-out day, and the same figure of the naive baseline.

    `low` and `high` bound the 95 % bootstrap interval over customers, and `difference_low` and `difference_high` that
    of the difference model − baseline on the same resamples.
    """

    name: str
    value: float
    low: float
    high: float
    baseline: float
    difference: float
    difference_low: float
    difference_high: float
    higher_is_better: bool

    @property
    def is_ahead(self) -> bool:
        """Whether the model is better than the baseline by more than the interval of the difference."""
        return self.difference_low > 0 if self.higher_is_better else self.difference_high < 0


@dataclass(frozen=True)
class Calibration:
    """Mean prediction and share of outcomes in ten bins with equally many rows; fewer if one would have less than K.

    `counts` are rounded down to multiples of K. `error` is the expected calibration error: the mean over the rows of
    |predicted − observed| of their bin. A perfectly calibrated model stays below `band` in 95 % of samples of its size.
    """

    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    counts: tuple[int, ...]
    error: float
    band: float

    @property
    def holds(self) -> bool:
        """Whether the error is at most LARGEST_ERROR, or is within the band."""
        return self.error <= max(LARGEST_ERROR, self.band)


@dataclass(frozen=True)
class ModelCard:
    """Origin and quality of a fitted model.

    `fit_from` and `fit_to` are the first and last day (`as_of`) of the rows of the fit. `metrics` and `calibration` are
    those of a model that was fitted in the same way on days whose horizons had ended by `evaluated_on`. They are empty
    and None if there are no such days, or fewer than K customers on the last one. `row_count` and `customer_count` are
    rounded down to multiples of K.
    """

    target: Target
    definition: str
    data_version: str
    horizon_days: int
    features: tuple[str, ...]
    fitted_on: date
    fit_from: date
    fit_to: date
    evaluated_on: date | None
    row_count: int
    customer_count: int
    seed: int
    metrics: tuple[Metric, ...]
    calibration: Calibration | None

    def to_json(self) -> str:
        """Return the card as JSON, from which `from_json` makes an equal card."""
        return json.dumps(asdict(self), default=str, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Return the card of a JSON text of `to_json`.

        Raises:
            UnreadableRowError: it is none.
        """
        with reading("gold/insight_model"):
            return cls._of(json.loads(text))

    @classmethod
    def _of(cls, held: dict[str, Any]) -> ModelCard:
        days = {name: held[name] and date.fromisoformat(held[name])
                for name in ("fitted_on", "fit_from", "fit_to", "evaluated_on")}  # fmt: skip
        chart = held["calibration"] and {
            k: tuple(v) if isinstance(v, list) else v for k, v in held["calibration"].items()
        }
        return cls(
            **{
                **held,
                **days,
                "target": Target(held["target"]),
                "features": tuple(held["features"]),
                "metrics": tuple(Metric(**one) for one in held["metrics"]),
                "calibration": Calibration(**chart) if chart else None,
            }
        )
