"""Measures marginals of a coded table with noise of OpenDP, within a Gaussian budget.

Neighbours differ in all rows of one person, at most m of them. A marginal counts rows, so its ℓ₂ sensitivity is m.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from privacy.synthetic.coding import Coded, Coding
from privacy.synthetic.errors import BadSpecification
from privacy.synthetic.noise import add_fine_noise
from privacy.synthetic.spread import Weights

Clique = tuple[str, ...]
FINE = "~fine"
"""Suffix of a column's name in the clique of its fine histogram."""
SINGLE_SHARE, FINE_SHARE, TOTAL_SHARE = 0.1, 0.03, 0.005
"""Shares of the budget for marginals of one column, for the fine histograms together, and for the number of rows."""
MOST_PAIRS = 400
"""Pairs of columns of one model. The budget of each falls with their number."""


@dataclass(frozen=True)
class Plan:
    """The marginals that are measured, and each one's share of μ². The shares sum to 1."""

    shares: Mapping[Clique, float]
    sensitivity: float

    def scale(self, clique: Clique, mu: float) -> float:
        """Return σ of the noise of a marginal, when all of them together are μ-GDP."""
        return self.sensitivity / (mu * math.sqrt(self.shares[clique]))


@dataclass(frozen=True)
class Measurement:
    """One noisy marginal: counts of the cells in row-major order, and σ of their noise."""

    clique: Clique
    counts: Weights
    scale: float


def plan_measurements(columns: Mapping[str, Coding], rows_per_unit: int, single_share: float = SINGLE_SHARE) -> Plan:
    """Return the plan: the number of rows, every column, every pair of columns, and fine histograms.

    A pair's share grows with the square root of its cells, because the error of a marginal is the sum over its cells.

    Raises:
        BadSpecification: there are too many pairs.
    """
    pairs = list(combinations(columns, 2))
    if len(pairs) > MOST_PAIRS:
        raise BadSpecification(
            f"{len(columns)} columns have {len(pairs)} pairs, more than {MOST_PAIRS}; synthesize fewer columns at once"
        )
    fine = [name for name, coding in columns.items() if coding.fine_size]
    weights: dict[Clique, float] = {(): TOTAL_SHARE}
    weights |= {(name,): single_share / len(columns) for name in columns}
    weights |= {(name + FINE,): FINE_SHARE / len(fine) for name in fine}
    cells = {pair: math.sqrt(columns[pair[0]].size * columns[pair[1]].size) for pair in pairs}
    left = 1 - sum(weights.values())
    weights |= {pair: left * size / sum(cells.values()) for pair, size in cells.items()}
    total = sum(weights.values())
    return Plan({clique: weight / total for clique, weight in weights.items()}, float(rows_per_unit))


def table_scales(columns: Mapping[str, Coding], rows_per_unit: int) -> set[str]:
    """Return the names of the measurements of a plan."""
    return {measurement_name(clique) for clique in plan_measurements(columns, rows_per_unit).shares}


def measurement_name(clique: Clique) -> str:
    """Return the name of a measurement; that of the number of rows is empty.

    >>> measurement_name(("age", "sex"))
    'age*sex'
    """
    return "*".join(clique)


def measure(coded: Coded, columns: Mapping[str, Coding], plan: Plan, mu: float) -> list[Measurement]:
    """Return the noisy marginals of the plan.

    Guarantee: the result is μ-GDP for neighbours that differ in all rows of one person, at most `plan.sensitivity`.
    """
    measured = []
    for clique, share in plan.shares.items():
        counts = exact_counts(coded, columns, clique)
        noisy, scale = add_fine_noise(counts, plan.sensitivity, mu * math.sqrt(share))
        measured.append(Measurement(clique, noisy, scale))
    return measured


def exact_counts(
    coded: Coded, columns: Mapping[str, Coding], clique: Clique
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the counts of a marginal, in row-major order. Callers must not release them."""
    if not clique:
        return np.array([coded.rows], np.int64)
    if clique[0].endswith(FINE):
        name = clique[0].removesuffix(FINE)
        return np.bincount(coded.fine[name], minlength=columns[name].fine_size)
    sizes = [columns[name].size for name in clique]
    cells = np.ravel_multi_index([coded.coarse[name] for name in clique], sizes)
    return np.bincount(cells, minlength=math.prod(sizes))
