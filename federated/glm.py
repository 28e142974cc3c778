"""Generalised linear models by Newton's method on sums over all sites: the result is that of the pooled rows.

A site sends gradient, Hessian and loss at the current coefficients; the server adds them and takes one Newton step
(for the linear model the first step is the solution). Features are scaled by their public bounds to [-1, 1].
Source of the idea: Wu et al., Grid Binary LOgistic REgression (GLORE), JAMIA 2012.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from federated.clipping import clipped_sum
from federated.errors import BadSetting
from federated.schema import Arrays, ArraySpec, SiteTable, TableSchema
from federated.task import State, round_of

Family = Literal["linear", "logistic", "poisson"]
Floats = NDArray[np.float64]
ETA_MAX = 30.0
"""Linear predictors are cut at ±30: e^-30 is below the resolution of the fixed point."""
LINEAR_SPREADS = 4.0
"""Residuals of a linear model are cut at four times the width of the target's bounds: only extrapolation gets there."""


@dataclass(frozen=True)
class Glm:
    """A linear, logistic or Poisson regression with an intercept.

    Attributes:
        family: distribution of the target; its link is the canonical one.
        ridge: penalty ridge/2 · |coefficients|² on the scaled features, without the intercept.
        tolerance: the run is done when a step changes no coefficient by more.
        is_private: for runs with noise: no loss is sent, and the noisy Hessian is made positive definite.
        name: name of the task.
    """

    family: Family = "logistic"
    ridge: float = 1.0
    tolerance: float = 1e-8
    is_private: bool = False
    name: str = "glm"

    def __post_init__(self) -> None:
        if self.family not in ("linear", "logistic", "poisson"):
            raise BadSetting(f"There is no family {self.family!r}. There are: linear, logistic, poisson.")
        if not (math.isfinite(self.ridge) and self.ridge > 0):
            raise BadSetting(f"`ridge` must be above 0, so that one solution exists. Got {self.ridge}.")

    def start(self, schema: TableSchema) -> State:
        """Returns coefficients of 0; the columns' bounds travel with them, so that the state predicts alone."""
        if self.family == "logistic" and schema.target.kind != "binary":
            raise BadSetting(f"A logistic model needs a binary target; {schema.target.name!r} is {schema.target.kind}.")
        if self.family == "poisson" and schema.target.lower < 0:
            raise BadSetting(f"A Poisson model needs a target of at least 0; {schema.target.name!r} may be lower.")
        size = len(schema.columns) + 1
        return {
            "round": np.array(0, dtype=np.int64),
            "coefficient": np.zeros(size),
            "best": np.zeros(size),
            "step": np.zeros(size),
            "loss": np.array(np.inf),
            "change": np.array(np.inf),
            "bounds": np.array([schema.lower, schema.upper]),
            "target": np.array([schema.target.lower, schema.target.upper]),
            "rows_max": np.array(schema.rows_max, dtype=np.int64),
        }

    def shapes(self, state: State) -> Sequence[ArraySpec]:
        """Returns gradient, Hessian (its upper triangle) and, without noise, the loss."""
        size, rows = len(state["coefficient"]), float(state["rows_max"])
        residual, curvature, loss = self._row_bounds(state)
        specs = [
            ArraySpec("gradient", (size,), rows * residual),
            ArraySpec("hessian", (size * (size + 1) // 2,), rows * curvature),
        ]
        return specs if self.is_private else [*specs, ArraySpec("loss", (), rows * loss)]

    def _row_bounds(self, state: State) -> tuple[float, float, float]:
        """Returns the greatest |residual|, curvature and loss of one row, from the public bounds alone."""
        if self.family == "logistic":
            return 1.0, 0.25, ETA_MAX + 1
        lower, upper = (float(value) for value in state["target"])
        if self.family == "linear":
            residual = LINEAR_SPREADS * (upper - lower)
            return residual, 1.0, residual**2 / 2
        top = math.exp(self._eta_max(state))
        return top + upper, top, top + upper * (ETA_MAX + math.log(top))

    def _eta_max(self, state: State) -> float:
        """Returns the greatest linear predictor; the mean of a count is at most e times the target's upper bound."""
        return ETA_MAX if self.family == "logistic" else math.log(max(float(state["target"][1]), 1.0)) + 1

    def _rows(self, state: State, data: SiteTable) -> tuple[Floats, Floats, Floats, Floats]:
        """Returns design matrix, residuals (mean - target), curvatures and losses, one a row."""
        x = np.column_stack([np.ones(len(data)), data.schema.scaled(data.features)])
        eta = x @ state["coefficient"]
        y = data.target
        if self.family == "linear":
            middle = float(state["target"].mean())
            limit = self._row_bounds(state)[0]
            residual = np.clip(eta - (y - middle), -limit, limit)
            return x, residual, np.ones(len(y)), residual**2 / 2
        eta = np.clip(eta, -ETA_MAX, self._eta_max(state))
        if self.family == "logistic":
            mean = 1 / (1 + np.exp(-eta))
            return x, mean - y, mean * (1 - mean), np.logaddexp(0, eta) - y * eta
        mean = np.exp(eta)
        return x, mean - y, mean, mean - y * eta

    def contribute(self, state: State, data: SiteTable) -> Arrays:
        """Returns the sums over the rows of one site."""
        x, residual, curvature, loss = self._rows(state, data)
        upper = np.triu_indices(x.shape[1])
        sums = {"gradient": x.T @ residual, "hessian": (x.T @ (x * curvature[:, None]))[upper]}
        return sums if self.is_private else {**sums, "loss": np.array(loss.sum())}

    def contribute_each(self, state: State, data: SiteTable, clip: float) -> Arrays:
        """Returns the sums over customers, each customer's gradient and Hessian scaled down to norm `clip`."""
        if not self.is_private:
            raise BadSetting("Noise needs a task with `is_private`: the loss cannot be clipped usefully.")
        x, residual, curvature, _ = self._rows(state, data)
        first, second = np.triu_indices(x.shape[1])
        size = x.shape[1]

        def rows(part: slice | NDArray[Any]) -> Floats:
            products = x[part][:, first] * x[part][:, second]
            return np.hstack([x[part] * residual[part, None], products * curvature[part, None]])

        total = clipped_sum(rows, data.customer, size + len(first), clip)
        return {"gradient": total[:size], "hessian": total[size:]}

    def update(self, state: State, total: Arrays, sites: int) -> State:
        """Takes a Newton step; a step that raised the loss is halved and tried again."""
        size = len(state["coefficient"])
        current, penalty = state["coefficient"], np.full(size, self.ridge)
        penalty[0] = 0.0
        loss = np.inf if self.is_private else float(total["loss"]) + float(penalty @ current**2) / 2
        if not self.is_private and loss > float(state["loss"]) + 1e-9 * abs(float(state["loss"])):
            step, best, loss = state["step"] / 2, state["best"], float(state["loss"])
        else:
            step, best = self._step(current, penalty, total), current
        return {
            **state,
            "round": np.array(round_of(state) + 1, dtype=np.int64),
            "coefficient": best + step,
            "best": best,
            "step": step,
            "loss": np.array(loss),
            "change": np.array(np.abs(step).max()),
        }

    def _step(self, current: Floats, penalty: Floats, total: Arrays) -> Floats:
        size = len(current)
        hessian = np.zeros((size, size))
        hessian[np.triu_indices(size)] = total["hessian"]
        hessian = hessian + np.triu(hessian, 1).T + np.diag(penalty)
        gradient = total["gradient"] + penalty * current
        values, vectors = np.linalg.eigh(hessian)
        # Without rows the intercept has no curvature; with noise a curvature may be negative.
        values = np.maximum(values, self.ridge if self.is_private else 1e-9)
        step: Floats = -(vectors @ ((vectors.T @ gradient) / values))
        return step

    def is_done(self, state: State) -> bool:
        """Tells whether the last step changed no coefficient by more than the tolerance."""
        return bool(float(state["change"]) <= self.tolerance)

    def link(self, state: State, features: Floats) -> Floats:
        """Returns the linear predictor of each row."""
        lower, upper = state["bounds"]
        scaled = np.clip((features - (upper + lower) / 2) / ((upper - lower) / 2), -1.0, 1.0)
        eta: Floats = state["coefficient"][0] + scaled @ state["coefficient"][1:]
        return eta

    def predict(self, state: State, features: Floats) -> Floats:
        """Returns the mean of the target for each row."""
        eta = self.link(state, features)
        if self.family == "linear":
            return eta + float(state["target"].mean())
        eta = np.clip(eta, -ETA_MAX, self._eta_max(state))
        return 1 / (1 + np.exp(-eta)) if self.family == "logistic" else np.exp(eta)
