"""The task of k-means clustering: every site sends sums by cluster, the server moves the centres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from federated.clipping import clipped_sum
from federated.errors import BadSetting
from federated.moments import (
    DEVIATIONS_MAX,
    moment_arrays,
    moment_rows,
    moment_specs,
    moment_state,
    standardised,
    surveyed,
)
from federated.schema import Arrays, ArraySpec, SiteTable, TableSchema
from federated.task import State, round_of, with_round

Floats = NDArray[np.float64]
CHUNK_ROWS = 4096


@dataclass(frozen=True)
class KMeans:
    """Lloyd's algorithm on standardised features, equal to a central run up to rounding in the fixed point.

    Several starts run side by side in the same rounds; the one with the least inertia is the result. A prediction
    is the number of a cluster, and the target is not read.

    Attributes:
        clusters: number of clusters.
        starts: number of sets of first centres, drawn from the seed.
        rounds: greatest number of rounds after the first.
        tolerance: training ends when no centre moves further, in standard deviations.
        seed: of the first centres.
    """

    clusters: int = 6
    starts: int = 8
    rounds: int = 40
    tolerance: float = 1e-3
    seed: int = 0
    predicts_target: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if min(self.clusters, self.starts, self.rounds) < 1 or self.tolerance < 0:
            raise BadSetting(f"`clusters`, `starts` and `rounds` must be at least 1, `tolerance` >= 0. Got {self}.")

    @property
    def name(self) -> str:
        """Name of the task."""
        return "k_means"

    def start(self, schema: TableSchema) -> State:
        """Returns the state with the first centres, drawn from a normal distribution in standard deviations."""
        source = np.random.Generator(np.random.PCG64(self.seed))
        return {
            "round": np.array(0, dtype=np.int64),
            **moment_state(schema),
            "centre": source.normal(size=(self.starts, self.clusters, len(schema.columns))),
            "inertia": np.full(self.starts, np.inf),
            "change": np.array(np.inf),
            "loss": np.array(np.inf),
        }

    def shapes(self, state: State) -> Sequence[ArraySpec]:
        """Returns sums of features in the first round, later rows, sums and squared distances by cluster."""
        if round_of(state) == 0:
            return moment_specs(state)
        rows, shape = float(state["rows_max"]), state["centre"].shape
        return (
            ArraySpec("rows", shape[:2], rows),
            ArraySpec("sum", shape, rows * DEVIATIONS_MAX),
            ArraySpec("distance", shape[:2], rows * shape[2] * (2 * DEVIATIONS_MAX) ** 2),
        )

    def contribute(self, state: State, data: SiteTable) -> Arrays:
        """Returns the sums over the rows of one site."""
        if round_of(state) == 0:
            return moment_arrays(moment_rows(data).sum(axis=0))
        parts = range(0, len(data), CHUNK_ROWS)
        sums = [self._rows(state, data.features[first : first + CHUNK_ROWS]).sum(axis=0) for first in parts]
        return self._arrays(state, np.sum(sums, axis=0) if sums else np.zeros(self._width(state)))

    def contribute_each(self, state: State, data: SiteTable, clip: float) -> Arrays:
        """Returns the sums with each customer's rows scaled down, so that their L2 norm is at most `clip`."""
        if round_of(state) == 0:
            first = moment_rows(data)
            return moment_arrays(clipped_sum(lambda part: first[part], data.customer, first.shape[1], clip))
        return self._arrays(
            state,
            clipped_sum(lambda part: self._rows(state, data.features[part]), data.customer, self._width(state), clip),
        )

    def update(self, state: State, total: Arrays, sites: int) -> State:
        """Moves every centre to the mean of its rows; a centre without rows goes beside the widest cluster's."""
        after = with_round(state, round_of(state) + 1)
        if round_of(state) == 0:
            return after | surveyed(state, total)
        rows, centre = total["rows"], state["centre"]
        moved = np.where(rows[:, :, None] >= 1, total["sum"] / np.maximum(rows, 1)[:, :, None], centre)
        moved = np.clip(moved, -DEVIATIONS_MAX, DEVIATIONS_MAX)
        for start in range(self.starts):
            empty = np.flatnonzero(rows[start] < 1)
            widest = np.argsort(-total["distance"][start], kind="stable")[: len(empty)]
            for cluster, donor in zip(empty, widest, strict=False):
                spread = np.sqrt(max(total["distance"][start, donor], 0.0) / max(rows[start, donor], 1.0))
                moved[start, cluster] = moved[start, donor]
                moved[start, cluster, int(cluster) % centre.shape[2]] += spread / 2
        inertia = total["distance"].sum(axis=1)
        return after | {
            "centre": moved,
            "inertia": inertia,
            "change": np.array(np.abs(moved - centre).max()),
            "loss": np.array(inertia.min() / max(rows[0].sum(), 1.0)),
        }

    def is_done(self, state: State) -> bool:
        """Tells whether no centre moved by more than the tolerance, or all rounds are over."""
        return round_of(state) > self.rounds or bool(state["change"] <= self.tolerance)

    def predict(self, state: State, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the number of the nearest centre of the best start."""
        best = state["centre"][int(state["inertia"].argmin())]
        nearest: Floats = _distances(standardised(state, features), best).argmin(axis=1).astype(np.float64)
        return nearest

    def _width(self, state: State) -> int:
        return self.starts * self.clusters * (int(state["centre"].shape[2]) + 2)

    def _rows(self, state: State, features: Floats) -> Floats:
        """Returns for each row and start its membership, values and squared distance by cluster, in one line."""
        x = standardised(state, features)
        parts = []
        for centre in state["centre"]:
            distance = _distances(x, centre)
            is_member = (distance.argmin(axis=1)[:, None] == np.arange(self.clusters)).astype(np.float64)
            values = (is_member[:, :, None] * x[:, None, :]).reshape(len(x), self.clusters * x.shape[1])
            parts += [is_member, values, is_member * distance]
        return np.hstack(parts)

    def _arrays(self, state: State, summed: Floats) -> Arrays:
        """Returns a sum of `_rows` by the names of `shapes`."""
        clusters, width = self.clusters, state["centre"].shape[2]
        by_start = summed.reshape(self.starts, clusters * (width + 2))
        return {
            "rows": by_start[:, :clusters],
            "sum": by_start[:, clusters:-clusters].reshape(self.starts, clusters, width),
            "distance": by_start[:, -clusters:],
        }


def _distances(x: Floats, centre: Floats) -> Floats:
    """Returns the squared distance of each row to each centre."""
    products = (x**2).sum(axis=1)[:, None] - 2 * x @ centre.T + (centre**2).sum(axis=1)
    distances: Floats = np.maximum(products, 0.0)
    return distances
