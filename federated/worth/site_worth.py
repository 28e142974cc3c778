"""Evaluates a trained model at one site: against its local model, with its local offset, on held-out customers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from federated.errors import PayloadRefused
from federated.local_offset import fit_offset
from federated.pooled import ROUNDS_MAX
from federated.schema import Kind, SiteTable
from federated.task import State, Task
from federated.worth.difference import CUSTOMERS_MIN, Difference, compare, has_enough
from federated.worth.metric import metrics_of

Floats = NDArray[np.float64]
CALIBRATION_BINS = 10
FEDERATED, OFFSET, LOCAL, CENTRAL, CONSTANT = "federated", "local_offset", "local", "central", "constant"


@dataclass(frozen=True)
class CalibrationPoint:
    """Mean prediction and mean outcome of a tenth of the held-out rows, ordered by prediction."""

    predicted: float
    observed: float
    rows: int


@dataclass(frozen=True)
class SiteWorth:
    """What a site publishes about the models: numbers about at least `CUSTOMERS_MIN` held-out customers.

    Attributes:
        site: name of the site.
        train_rows, test_rows: rows trained on and held out.
        metrics: value by model and metric; empty when there are too few held-out customers.
        differences: the paired differences of models, by metric.
        calibration: points by model.
        reason: why figures are missing; empty when they are there.
    """

    site: str
    train_rows: int
    test_rows: int
    metrics: Mapping[str, Mapping[str, float]]
    differences: tuple[Difference, ...]
    calibration: Mapping[str, tuple[CalibrationPoint, ...]]
    reason: str = ""

    def difference(self, better: str, than: str, metric: str) -> Difference | None:
        """Returns the difference of two models by a metric, if it was measured."""
        for one in self.differences:
            if (one.better, one.than, one.metric) == (better, than, metric):
                return one
        return None

    def to_json(self) -> str:
        """Returns the figures as JSON that `from_json` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> SiteWorth:
        """Reads the figures of a site; raises `PayloadRefused` for another form."""
        try:
            body: dict[str, Any] = json.loads(text)
            body["differences"] = tuple(Difference(**one) for one in body["differences"])
            body["calibration"] = {
                name: tuple(CalibrationPoint(**point) for point in points)
                for name, points in body["calibration"].items()
            }
            found = cls(**body)
            values = [value for model in found.metrics.values() for value in model.values()]
            if not np.isfinite(np.array(values, dtype=np.float64)).all():
                raise ValueError("a metric is not finite")
            return found
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PayloadRefused(f"These are no figures of a site: {error}") from None


@dataclass(frozen=True)
class Trained:
    """A trained federated model and what it is compared with.

    Attributes:
        task: the model.
        state: its state after training on the training rows of all sites.
        central: the state trained on pooled rows, where pooling is allowed for a measurement; else None.
        rounds_max: the most rounds of the local model.
    """

    task: Task
    state: State
    central: State | None = None
    rounds_max: int = ROUNDS_MAX


def evaluate_site(name: str, trained: Trained, fit: SiteTable, held: SiteTable) -> SiteWorth:
    """Returns the figures of one site. It runs at the site, because it needs the site's rows.

    Args:
        name: name of the site.
        trained: the model.
        fit: the site's training rows. Its local model and its offset are fitted on them.
        held: its held-out rows: customers that are not in `fit`.
    """
    kind = held.schema.target.kind
    counts = (name, len(fit), len(held))
    if not has_enough(held.target, held.customer, is_binary=kind == "binary"):
        classes = " of each outcome" if kind == "binary" else ""
        return SiteWorth(*counts, {}, (), {}, f"fewer than {CUSTOMERS_MIN} held-out customers{classes}")
    predictions = _predictions(trained, fit, held)
    metrics = metrics_of(kind)
    pairs = [(FEDERATED, LOCAL), (OFFSET, LOCAL), (OFFSET, FEDERATED), (FEDERATED, CONSTANT)]
    pairs += [(FEDERATED, CENTRAL)] if CENTRAL in predictions else []
    return SiteWorth(
        *counts,
        {
            model: {metric.name: metric.measure(values, held.target)[0] for metric in metrics}
            for model, values in predictions.items()
        },
        tuple(
            compare(metric, predictions, better, than, held.target, held.customer)
            for better, than in pairs
            for metric in metrics
        ),
        {model: _calibration(predictions[model], held.target, kind) for model in (FEDERATED, OFFSET, LOCAL)},
    )


def _predictions(trained: Trained, fit: SiteTable, held: SiteTable) -> dict[str, Floats]:
    task, schema = trained.task, held.schema
    constant = float(fit.target.mean()) if len(fit) else (schema.target.lower + schema.target.upper) / 2
    offset = fit_offset(task, trained.state, fit, trained.rounds_max)
    found = {
        FEDERATED: task.predict(trained.state, held.features),
        OFFSET: offset.predict(task, trained.state, schema, held.features),
        LOCAL: task.predict(offset.local, held.features),
        CONSTANT: np.full(len(held), constant),
    }
    return found if trained.central is None else found | {CENTRAL: task.predict(trained.central, held.features)}


def _calibration(prediction: Floats, target: Floats, kind: Kind) -> tuple[CalibrationPoint, ...]:
    """Returns mean prediction and mean target of equal parts of the rows; each has at least twice `CUSTOMERS_MIN`."""
    parts = max(1, min(CALIBRATION_BINS, len(target) // (2 * CUSTOMERS_MIN)))
    order = np.argsort(prediction, kind="stable")
    return tuple(
        CalibrationPoint(float(prediction[rows].mean()), float(target[rows].mean()), len(rows))
        for rows in np.array_split(order, parts)
    )
