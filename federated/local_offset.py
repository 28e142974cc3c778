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
from federated.pooled import ROUNDS_MAX, train
from federated.schema import SiteTable, TableSchema
from federated.task import State, Task

Floats = NDArray[np.float64]
PENALTIES = (3000.0, 1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3)
"""Ridge penalties of the corrections, from almost none to almost a model of its own."""
SHARES = (0.0, 0.5, 1.0)
"""Shares of the local model in the mixtures without correction."""
FOLDS = 5
CAUTION = 0.2
"""Exponent of the weights. With 1 they follow the held-out likelihood, and then chance differences of small sites
decide too much: in the trial of decision 0072 the mean gain grew down to 0.2."""
STEPS = 12
_PREFIX = "local."


@dataclass(frozen=True)
class LocalOffset:
    """A correction of the federated model's score.

    score = (1 - share) · federated score + share · local score + offset + standardised features · coefficients

    Attributes:
        mean, deviation: of the site's features.
        coefficient: the offset and one coefficient a feature.
        share: weight of the local model.
        local: state of the local model.
    """

    mean: Floats
    deviation: Floats
    coefficient: Floats
    share: float
    local: State

    def predict(self, task: Task, state: State, schema: TableSchema, features: Floats) -> Floats:
        """Returns the corrected prediction of each row."""
        loss = Loss(schema.target)
        federated = loss.score(task.predict(state, features))
        local = loss.score(task.predict(self.local, features))
        mixed = (1 - self.share) * federated + self.share * local
        return loss.mean(mixed + _design(features, self.mean, self.deviation) @ self.coefficient)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Returns the correction as named arrays that `from_arrays` reads."""
        own = {"mean": self.mean, "deviation": self.deviation, "coefficient": self.coefficient}
        local = {f"{_PREFIX}{name}": array for name, array in self.local.items()}
        return {**own, "share": np.array(self.share), **local}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> LocalOffset:
        """Reads a correction from named arrays."""
        local = {name.removeprefix(_PREFIX): array for name, array in arrays.items() if name.startswith(_PREFIX)}
        try:
            return cls(arrays["mean"], arrays["deviation"], arrays["coefficient"], float(arrays["share"]), local)
        except KeyError as error:
            raise CheckpointRefused(f"The local offset lacks the array {error}.") from None


def fit_offset(task: Task, state: State, data: SiteTable, rounds_max: int = ROUNDS_MAX) -> LocalOffset:
    """Returns the mean of several candidate corrections, weighted by their loss on held-out customers of the site.

    Candidates are ridge corrections of the federated score and mixtures with the local model. The weight of one is
    proportional to exp(-`CAUTION` · held-out loss) in cross-validation by customer. So the mean is near the local
    model where the site differs, and near the federated one where it does not or has few rows.

    Without rows the correction is 0: then the site uses the federated model as it is.
    """
    local = train(task, [data], rounds_max=rounds_max)
    width = len(data.schema.columns)
    if not len(data):
        return LocalOffset(np.zeros(width), np.ones(width), np.zeros(width + 1), 0.0, local)
    loss, mean, deviation = Loss(data.schema.target), data.features.mean(axis=0), data.features.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    x, score = _design(data.features, mean, deviation), loss.score(task.predict(state, data.features))
    losses = np.zeros(len(PENALTIES) + len(SHARES))
    for fit, held in _folds(data.customer):
        other = loss.score(task.predict(train(task, [data.take(fit)], rounds_max=rounds_max), data.features[held]))
        candidates = [score[held] + x[held] @ one for one in _path(loss, x[fit], score[fit], data.target[fit])]
        candidates += [(1 - share) * score[held] + share * other for share in SHARES]
        losses += [loss.value(one, data.target[held]).sum() for one in candidates]
    weight = np.exp(-CAUTION * (losses - losses.min()))
    weight /= weight.sum()
    coefficient = weight[: len(PENALTIES)] @ np.array(list(_path(loss, x, score, data.target)))
    share = float(weight[len(PENALTIES) :] @ np.array(SHARES))
    return LocalOffset(mean, deviation, coefficient, share, local)


def _design(features: Floats, mean: Floats, deviation: Floats) -> Floats:
    return np.hstack([np.ones((len(features), 1)), np.clip((features - mean) / deviation, -5.0, 5.0)])


def _path(loss: Loss, x: Floats, score: Floats, target: Floats) -> Iterator[Floats]:
    """Yields the coefficients for each penalty; each solution starts from the one before."""
    coefficient = np.zeros(x.shape[1])
    for penalty in PENALTIES:
        coefficient = _solve(loss, x, score, target, penalty, coefficient)
        yield coefficient


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
