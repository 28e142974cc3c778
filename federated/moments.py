"""Means and standard deviations of the features over all sites, from one round of sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from federated.schema import Arrays, ArraySpec, SiteTable, TableSchema
from federated.task import State

Floats = NDArray[np.float64]
DEVIATIONS_MAX = 5.0
"""Standardised values are clipped at five deviations, so that sums have a bound and no row has great leverage."""


def moment_state(schema: TableSchema) -> dict[str, NDArray[Any]]:
    """Returns the arrays of a state that standardise features: those of the public bounds until the sums are known."""
    return {
        "rows_max": np.array(schema.rows_max, dtype=np.int64),
        "bounds": np.array([schema.lower, schema.upper]),
        "mean": (schema.upper + schema.lower) / 2,
        "deviation": (schema.upper - schema.lower) / 2,
    }


def moment_specs(state: State) -> Sequence[ArraySpec]:
    """Returns the shapes of `moment_rows`, summed over the rows of a site."""
    rows, width = float(state["rows_max"]), len(state["mean"])
    return (ArraySpec("first", (width,), rows), ArraySpec("second", (width,), rows), ArraySpec("rows", (1,), rows))


def moment_rows(data: SiteTable) -> Floats:
    """Returns for each row its scaled features, their squares and 1 (rows × (2 · features + 1))."""
    scaled = data.schema.scaled(data.features)
    return np.hstack([scaled, scaled**2, np.ones((len(data), 1))])


def moment_arrays(summed: Floats) -> dict[str, Floats]:
    """Returns a sum of `moment_rows` by the names of `moment_specs`."""
    width = len(summed) // 2
    return {"first": summed[:width], "second": summed[width : 2 * width], "rows": summed[2 * width :]}


def surveyed(state: State, total: Arrays) -> dict[str, NDArray[Any]]:
    """Returns means and deviations from the sums. A column that never varies keeps the deviation of its bounds."""
    rows = float(total["rows"][0])
    if rows < 1:
        return {}
    lower, upper = state["bounds"]
    middle, half = (lower + upper) / 2, (upper - lower) / 2
    mean = np.clip(total["first"] / rows, -1.0, 1.0)
    variance = total["second"] / rows - mean**2
    # Below this share of the bounds, rounding of the sums is as great as the variance.
    deviation = np.where(variance > 1e-10, np.sqrt(np.maximum(variance, 1e-10)), 1.0)
    return {"mean": middle + half * mean, "deviation": half * deviation}


def standardised(state: State, features: Floats) -> Floats:
    """Returns the features in deviations from the mean, clipped to ±`DEVIATIONS_MAX`."""
    values: Floats = np.clip((features - state["mean"]) / state["deviation"], -DEVIATIONS_MAX, DEVIATIONS_MAX)
    return values
