"""The task of a small neural network: federated averaging, its variants FedProx and FedAdam, or one clipped step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from federated.clipping import clipped_sum
from federated.errors import BadSetting
from federated.layers import Layers
from federated.loss import Loss, loss_of, target_state
from federated.moments import moment_arrays, moment_rows, moment_specs, moment_state, standardised, surveyed
from federated.schema import Arrays, ArraySpec, SiteTable, TableSchema
from federated.task import State, round_of, with_round

Floats = NDArray[np.float64]
SERVER_BETAS = (0.9, 0.99)
"""Decay of FedAdam's two moments (Reddi et al. 2021, section 5)."""


@dataclass(frozen=True)
class Network:
    """A network with tanh layers and one output, trained by federated averaging (McMahan et al. 2017).

    The first round finds means and deviations. In each later round a site trains from the common weights on its own
    rows and sends its change of weights times its number of rows; the server applies the mean change.

    Attributes:
        hidden: units of a hidden layer.
        layers: number of hidden layers.
        rounds: rounds of training after the first.
        local_epochs: passes over the site's rows in a round.
        batch_rows: rows of a step of gradient descent.
        learning_rate: size of a local step; with `is_private` of the server's step.
        decay: L2 penalty decay/2 · |weights|².
        proximal: FedProx's penalty proximal/2 · |weights - common weights|² (Li et al. 2020); 0 is plain averaging.
        server: "average" applies the mean change; "adam" takes an Adam step along it (FedAdam, Reddi et al. 2021).
        server_rate: factor of the server's step.
        update_max: largest change of one weight in a round; a greater one is clipped at the site.
        is_private: for runs with noise: a site sends its customers' clipped gradients instead of a change, no loss.
        seed: of the first weights and of the order of rows.
    """

    hidden: int = 16
    layers: int = 1
    rounds: int = 30
    local_epochs: int = 5
    batch_rows: int = 64
    learning_rate: float = 0.1
    decay: float = 1e-4
    proximal: float = 0.0
    server: Literal["average", "adam"] = "average"
    server_rate: float = 1.0
    update_max: float = 1.0
    is_private: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.hidden, self.layers, self.rounds, self.local_epochs, self.batch_rows) < 1:
            raise BadSetting(
                f"`hidden`, `layers`, `rounds`, `local_epochs` and `batch_rows` must be at least 1. Got {self}."
            )
        if min(self.learning_rate, self.server_rate, self.update_max) <= 0 or min(self.decay, self.proximal) < 0:
            raise BadSetting(
                "`learning_rate`, `server_rate` and `update_max` must be above 0, `decay` and `proximal` not below. "
                f"Got {self}."
            )
        if self.server not in ("average", "adam"):
            raise BadSetting(f"There is no server step {self.server!r}. There are: average, adam.")

    @property
    def name(self) -> str:
        """Name of the task."""
        return "network"

    def start(self, schema: TableSchema) -> State:
        """Returns the state with the first weights, drawn from the seed."""
        weights = self._layers(len(schema.columns)).draw(self.seed)
        return {
            "round": np.array(0, dtype=np.int64),
            **moment_state(schema),
            "target": target_state(schema.target),
            "weights": weights,
            "momentum": np.zeros_like(weights),
            "velocity": np.zeros_like(weights),
            "loss": np.array(np.inf),
        }

    def shapes(self, state: State) -> Sequence[ArraySpec]:
        """Returns sums of features and target in the first round, later the change of the weights."""
        rows = float(state["rows_max"])
        if round_of(state) == 0:
            return (*moment_specs(state), ArraySpec("target", (1,), rows))
        specs = [ArraySpec("change", state["weights"].shape, rows * self.update_max), ArraySpec("rows", (1,), rows)]
        return specs if self.is_private else [*specs, ArraySpec("loss", (1,), rows * loss_of(state).value_bound)]

    def contribute(self, state: State, data: SiteTable) -> Arrays:
        """Returns the sums over the rows of one site."""
        loss = loss_of(state)
        if round_of(state) == 0:
            return _first_arrays(_first_rows(loss, data).sum(axis=0))
        x, rows = standardised(state, data.features), np.array([float(len(data))])
        layers, weights = self._layers(x.shape[1]), state["weights"]
        if self.is_private:
            return {"change": -layers.gradient(weights, x, data.target, loss), "rows": rows}
        trained = self._train(layers, state, x, data.target, loss)
        change = np.clip(trained - weights, -self.update_max, self.update_max)
        value = loss.value(layers.score(weights, x), data.target).sum()
        return {"change": change * rows, "rows": rows, "loss": np.array([value])}

    def contribute_each(self, state: State, data: SiteTable, clip: float) -> Arrays:
        """Returns the sum over customers of their gradients and row counts, each scaled down to a norm of `clip`."""
        if not self.is_private:
            raise BadSetting("Noise needs a network with `is_private`: a change after several steps has no customers.")
        loss, width = loss_of(state), data.features.shape[1]
        if round_of(state) == 0:
            first = _first_rows(loss, data)
            return _first_arrays(clipped_sum(lambda part: first[part], data.customer, first.shape[1], clip))
        x, layers = standardised(state, data.features), self._layers(width)

        def rows(part: slice | NDArray[Any]) -> Floats:
            change = -layers.gradient_rows(state["weights"], x[part], data.target[part], loss)
            return np.hstack([change, np.ones((len(change), 1))])

        total = clipped_sum(rows, data.customer, layers.size + 1, clip)
        return {"change": total[:-1], "rows": total[-1:]}

    def update(self, state: State, total: Arrays, sites: int) -> State:
        """Applies the mean change of the weights, or in the first round the means and deviations."""
        after, rows = with_round(state, round_of(state) + 1), float(total["rows"][0])
        if rows < 1:
            return after
        if round_of(state) == 0:
            loss, mean = loss_of(state), float(np.clip(total["target"][0] / rows, -1, 1))
            weights = state["weights"].copy()
            weights[-1] = loss.score(np.array([loss.from_unit(mean)]))[0]
            return after | surveyed(state, total) | {"weights": weights}
        change = total["change"] / rows
        if self.is_private:
            change = self.learning_rate * (change - self.decay * state["weights"])
        if not self.is_private:
            after["loss"] = np.array(total["loss"][0] / rows)
        if self.server == "average":
            return after | {"weights": state["weights"] + self.server_rate * change}
        first, second = SERVER_BETAS
        momentum = first * state["momentum"] + (1 - first) * change
        velocity = second * state["velocity"] + (1 - second) * change**2
        step = self.server_rate * self.learning_rate * momentum / (np.sqrt(velocity) + 1e-3)
        return after | {"momentum": momentum, "velocity": velocity, "weights": state["weights"] + step}

    def is_done(self, state: State) -> bool:
        """Tells whether all rounds are over."""
        return round_of(state) > self.rounds

    def predict(self, state: State, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the predicted mean of the target."""
        x = standardised(state, features)
        return loss_of(state).mean(self._layers(x.shape[1]).score(state["weights"], x))

    def _train(self, layers: Layers, state: State, x: Floats, target: Floats, loss: Loss) -> Floats:
        """Returns the weights after gradient descent on the site's rows, in an order drawn from seed and round."""
        common = state["weights"]
        weights = common.copy()
        order = np.random.Generator(np.random.PCG64([self.seed, round_of(state), len(x)]))
        for _ in range(self.local_epochs):
            shuffled = order.permutation(len(x))
            for first in range(0, len(x), self.batch_rows):
                part = shuffled[first : first + self.batch_rows]
                gradient = layers.gradient(weights, x[part], target[part], loss) / len(part)
                gradient += self.decay * weights + self.proximal * (weights - common)
                weights -= self.learning_rate * gradient
        return weights

    def _layers(self, width: int) -> Layers:
        return Layers((width, *[self.hidden] * self.layers, 1))


def _first_rows(loss: Loss, data: SiteTable) -> Floats:
    return np.hstack([loss.unit(data.target)[:, None], moment_rows(data)])


def _first_arrays(summed: Floats) -> dict[str, Floats]:
    return {"target": summed[:1], **moment_arrays(summed[1:])}
