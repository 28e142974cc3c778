"""The arithmetic of a small network in numpy: scores, and gradients in sum or by row."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from federated.loss import Loss

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Layers:
    """Layers with tanh between them and no function at the output.

    Attributes:
        widths: number of inputs, of units of each hidden layer, and of outputs (1).

    All weights are one vector: for each layer first its matrix (inputs × units) by rows, then its offsets.
    """

    widths: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of weights."""
        return sum((before + 1) * after for before, after in pairwise(self.widths))

    def draw(self, seed: int) -> Floats:
        """Returns first weights: matrices with variance 1 / inputs (LeCun et al. 1998), offsets 0."""
        source = np.random.Generator(np.random.PCG64(seed))
        parts: list[Floats] = []
        for before, after in pairwise(self.widths):
            matrix = source.normal(size=(before, after)) / np.sqrt(before)
            parts.append(np.concatenate([matrix.ravel(), np.zeros(after)]))
        return np.concatenate(parts)

    def score(self, weights: Floats, x: Floats) -> Floats:
        """Returns the output of each row."""
        return self._forward(weights, x)[-1][:, 0]

    def gradient(self, weights: Floats, x: Floats, target: Floats, loss: Loss) -> Floats:
        """Returns the sum over rows of the gradient of the loss by the weights."""
        parts = [
            np.concatenate([(inputs.T @ slope).ravel(), slope.sum(axis=0)])
            for inputs, slope in self._backward(weights, x, target, loss)
        ]
        return np.concatenate(parts)

    def gradient_rows(self, weights: Floats, x: Floats, target: Floats, loss: Loss) -> Floats:
        """Returns the gradient of each row's loss (rows × weights)."""
        parts = [
            np.hstack(
                [(inputs[:, :, None] * slope[:, None, :]).reshape(len(x), inputs.shape[1] * slope.shape[1]), slope]
            )
            for inputs, slope in self._backward(weights, x, target, loss)
        ]
        return np.hstack(parts)

    def _split(self, weights: Floats) -> list[tuple[Floats, Floats]]:
        found, at = [], 0
        for before, after in pairwise(self.widths):
            matrix = weights[at : at + before * after].reshape(before, after)
            found.append((matrix, weights[at + before * after : at + (before + 1) * after]))
            at += (before + 1) * after
        return found

    def _forward(self, weights: Floats, x: Floats) -> list[Floats]:
        """Returns the inputs of every layer and the output."""
        values, pairs = [x], self._split(weights)
        for place, (matrix, offset) in enumerate(pairs):
            linear = values[-1] @ matrix + offset
            values.append(linear if place == len(pairs) - 1 else np.tanh(linear))
        return values

    def _backward(self, weights: Floats, x: Floats, target: Floats, loss: Loss) -> list[tuple[Floats, Floats]]:
        """Returns for each layer its inputs and the derivative of each row's loss by its linear values."""
        values, pairs, found = self._forward(weights, x), self._split(weights), []
        slope = loss.derivatives(values[-1][:, 0], target)[0][:, None]
        for place in range(len(pairs) - 1, -1, -1):
            found.append((values[place], slope))
            if place:
                slope = (slope @ pairs[place][0].T) * (1 - values[place] ** 2)
        return found[::-1]
