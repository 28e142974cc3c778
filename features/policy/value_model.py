"""Ridge regressions of the reward, one an arm: what a bandit, a fitted Q and a doubly robust estimate rest on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.policy.propensity import Floats, Ints

_CLIP = 4.0
"""Standard deviations at which a context is cut, so that an odd value does not carry a prediction away."""
RIDGE = 1.0


@dataclass(frozen=True)
class Basis:
    """Turns contexts into columns of a regression: 1, the standardised values and, if `squares`, their products."""

    mean: Floats
    scale: Floats
    squares: bool

    @classmethod
    def of(cls, contexts: Floats, *, squares: bool) -> Basis:
        """Return a basis with the mean and the spread of contexts."""
        spread = contexts.std(axis=0)
        return cls(contexts.mean(axis=0), np.where(spread > 0, spread, 1.0), squares)

    def columns(self, contexts: Floats) -> Floats:
        """Return one row of columns a context."""
        z = np.clip((contexts - self.mean) / self.scale, -_CLIP, _CLIP)
        parts = [np.ones((len(z), 1)), z]
        if self.squares:
            first, second = np.triu_indices(z.shape[1])
            parts.append(z[:, first] * z[:, second])
        return np.hstack(parts)


@dataclass(frozen=True)
class ValueModel:
    """A ridge regression of each arm: mean x·θ and standard error √(x·C·x) of the expected reward.

    Attributes:
        basis: columns of the regressions.
        weights: θ of each arm.
        covariances: C of each arm: noise variance · (XᵀX + RIDGE·1)⁻¹; empty where no error is asked for.
    """

    basis: Basis
    weights: Floats
    covariances: Floats

    def means(self, contexts: Floats) -> Floats:
        """Return the expected reward of each arm, one row a context."""
        return np.asarray(self.basis.columns(contexts) @ self.weights.T)

    def means_and_errors(self, contexts: Floats) -> tuple[Floats, Floats]:
        """Return the expected reward of each arm and its standard error."""
        columns = self.basis.columns(contexts)
        errors = np.sqrt(np.einsum("ni,aij,nj->na", columns, self.covariances, columns, optimize=True))
        return np.asarray(columns @ self.weights.T), np.asarray(errors)


def fit_values(basis: Basis, contexts: Floats, arms: Ints, rewards: Floats, width: int) -> ValueModel:
    """Return the regressions of `width` arms. An arm without decisions has the mean reward of all, and a wide error."""
    columns = basis.columns(contexts)
    size, level = columns.shape[1], float(rewards.mean()) if len(rewards) else 0.0
    start = np.zeros(size)
    start[0] = level
    weights, inverses, residuals = np.empty((width, size)), np.empty((width, size, size)), 0.0
    for arm in range(width):
        x, y = columns[arms == arm], rewards[arms == arm]
        inverses[arm] = np.linalg.inv(x.T @ x + RIDGE * np.eye(size))
        # Shrunk towards the mean of all rewards, so that a rarely drawn arm is neither bad nor good by assumption.
        weights[arm] = start + inverses[arm] @ (x.T @ (y - x @ start))
        residuals += float(np.square(y - x @ weights[arm]).sum())
    noise = residuals / max(len(rewards) - width * size, 1) if len(rewards) else 1.0
    return ValueModel(basis, weights, max(noise, 1e-6) * inverses)
