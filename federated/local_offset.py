"""A site's own correction of a federated model, fitted on its own rows. It never leaves the site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from federated.errors import CheckpointRefused
from federated.loss import Loss
from federated.schema import SiteTable, TableSchema
from federated.task import State, Task

Floats = NDArray[np.float64]
PENALTIES = (3000.0, 1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3)
"""Ridge penalties that the site tries, from almost no correction to almost a model of its own."""
FOLDS = 5
STEPS = 12


@dataclass(frozen=True)
class LocalOffset:
    """A linear correction of the federated model's score.

    score = federated score + offset + standardised features · coefficients

    Attributes:
        mean, deviation: of the site's features.
        coefficient: the offset and one coefficient a feature, all 0 when a correction does not help.
        penalty: the chosen ridge penalty; infinity for no correction.
    """

    mean: Floats
    deviation: Floats
    coefficient: Floats
    penalty: float

    def predict(self, task: Task, state: State, schema: TableSchema, features: Floats) -> Floats:
        """Returns the corrected prediction of each row."""
        loss = Loss(schema.target)
        return loss.mean(loss.score(task.predict(state, features)) + self._design(features) @ self.coefficient)

    def _design(self, features: Floats) -> Floats:
        return _design(features, self.mean, self.deviation)

    def to_arrays(self) -> dict[str, Floats]:
        """Returns the correction as named arrays that `from_arrays` reads."""
        return {
            "mean": self.mean,
            "deviation": self.deviation,
            "coefficient": self.coefficient,
            "penalty": np.array(self.penalty),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> LocalOffset:
        """Reads a correction from named arrays."""
        try:
            return cls(arrays["mean"], arrays["deviation"], arrays["coefficient"], float(arrays["penalty"]))
        except KeyError as error:
            raise CheckpointRefused(f"The local offset lacks the array {error}.") from None


def fit_offset(task: Task, state: State, data: SiteTable) -> LocalOffset:
    """Returns the correction whose penalty has the least loss on held-out customers of the site (cross-validation).

    Without rows, or when no correction has a lower loss than none, the coefficients are 0: then the site uses the
    federated model as it is.
    """
    width = len(data.schema.columns)
    if not len(data):
        return LocalOffset(np.zeros(width), np.ones(width), np.zeros(width + 1), np.inf)
    loss, mean, deviation = Loss(data.schema.target), data.features.mean(axis=0), data.features.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    score = loss.score(task.predict(state, data.features))
    x = _design(data.features, mean, deviation)
    losses = dict.fromkeys((np.inf, *PENALTIES), 0.0)
    for fit, held in _folds(data.customer):
        losses[np.inf] += float(loss.value(score[held], data.target[held]).sum())
        for penalty, coefficient in _path(loss, x[fit], score[fit], data.target[fit]):
            losses[penalty] += float(loss.value(score[held] + x[held] @ coefficient, data.target[held]).sum())
    best = min(losses, key=lambda penalty: losses[penalty])
    chosen = np.zeros(width + 1)
    for penalty, coefficient in _path(loss, x, score, data.target):
        if penalty == best:
            chosen = coefficient
    return LocalOffset(mean, deviation, chosen, best)


def _design(features: Floats, mean: Floats, deviation: Floats) -> Floats:
    return np.hstack([np.ones((len(features), 1)), np.clip((features - mean) / deviation, -5.0, 5.0)])


def _path(loss: Loss, x: Floats, score: Floats, target: Floats) -> Iterator[tuple[float, Floats]]:
    """Yields each penalty with its solution; each starts from the one before."""
    coefficient = np.zeros(x.shape[1])
    for penalty in PENALTIES:
        coefficient = _solve(loss, x, score, target, penalty, coefficient)
        yield penalty, coefficient


def _solve(loss: Loss, x: Floats, score: Floats, target: Floats, penalty: float, start: Floats) -> Floats:
    """Returns the minimum of the loss plus penalty/2 · |coefficients|² by damped Newton steps.

    The offset has a penalty of at most 1, so that a site with another base rate corrects it even where nothing else
    is worth correcting.
    """
    ridge = np.full(x.shape[1], penalty)
    ridge[0] = min(penalty, 1.0)

    def objective(at: Floats) -> float:
        return float(loss.value(score + x @ at, target).sum() + ridge @ at**2 / 2)

    coefficient, value = start, objective(start)
    for _ in range(STEPS):
        slope, curvature = loss.derivatives(score + x @ coefficient, target)
        hessian = x.T @ (x * curvature[:, None]) + np.diag(ridge)
        step = np.linalg.solve(hessian, x.T @ slope + ridge * coefficient)
        while objective(coefficient - step) > value and np.abs(step).max() > 1e-8:
            step = step / 2
        coefficient = coefficient - step
        value = objective(coefficient)
        if np.abs(step).max() <= 1e-6:
            break
    return coefficient


def _folds(customer: NDArray[Any]) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Yields rows to fit on and rows to measure on; a hash of the customer chooses the fold, so none is in both."""
    unique, place = np.unique(customer, return_inverse=True)
    drawn = [blake2b(str(one).encode(), digest_size=8, person=b"fold").digest() for one in unique.tolist()]
    fold = np.argsort(np.argsort(drawn))[place] % FOLDS
    for number in range(min(FOLDS, len(unique))):
        if (fold != number).any():
            yield fold != number, fold == number
