"""Measures marginals of a coded table with noise of OpenDP, within a Gaussian budget.

Neighbours differ in all rows of one person, at most m of them. A marginal counts rows, so its ℓ₂ sensitivity is m.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from privacy.synthetic.coding import Coded, Coding
from privacy.synthetic.errors import BadSpecification
from privacy.synthetic.marginal.merging import Merging, merge_rare, merge_tail
from privacy.synthetic.noise import add_fine_noise
from privacy.synthetic.spread import Codes, Weights

Clique = tuple[str, ...]
FINE = "~fine"
"""Suffix of a column's name in the clique of its fine histogram."""
SINGLE_SHARE, FINE_SHARE, TOTAL_SHARE = 0.1, 0.03, 0.005
"""Shares of the budget for marginals of one column, for the fine histograms together, and for the number of rows."""
MOST_PAIR_CELLS = 150_000
"""Cells of a pair that is measured; a larger one would not fit into a model (`structure.MOST_MEGABYTES`)."""
MOST_PAIRS = 400
"""Pairs of columns of one model. The budget of each falls with their number."""


@dataclass(frozen=True)
class Plan:
    """The marginals that are measured: of single columns first, then of pairs. The shares of μ² sum to 1.

    sensitivity: most rows of one person. shares: share of each marginal but those of pairs. pairs: measured pairs.
    """

    sensitivity: float
    shares: Mapping[Clique, float]
    pairs: tuple[Clique, ...]

    @property
    def names(self) -> set[str]:
        """Names of all measurements."""
        return {measurement_name(clique) for clique in (*self.shares, *self.pairs)}

    def pair_shares(self, sizes: Mapping[str, int]) -> dict[Clique, float]:
        """Return each pair's share. It grows with the square root of its cells, over which its errors are summed."""
        sides = {pair: math.sqrt(math.prod(sizes[name] for name in pair)) for pair in self.pairs}
        left = 1 - sum(self.shares.values())
        return {pair: left * side / sum(sides.values()) for pair, side in sides.items()}


@dataclass(frozen=True)
class Measurement:
    """One noisy marginal: counts of the cells in row-major order, and σ of their noise."""

    clique: Clique
    counts: Weights
    scale: float


@dataclass(frozen=True)
class Measured:
    """Noisy marginals. Rare values are merged in `singles` and `pairs`, so their columns have the codes of `sizes`.

    total: noisy number of rows. fine: noisy fine histograms. scales: σ of every measurement, by name.
    """

    total: float
    fine: Mapping[str, Weights]
    singles: Mapping[str, Measurement]
    pairs: tuple[Measurement, ...]
    mergings: Mapping[str, Merging]
    sizes: Mapping[str, int]
    scales: Mapping[str, float]


def plan_measurements(columns: Mapping[str, Coding], rows_per_unit: int, single_share: float = SINGLE_SHARE) -> Plan:
    """Return the plan: the number of rows, every column, fine histograms, and every pair that a model could hold.

    Raises:
        BadSpecification: there are too many pairs.
    """
    pairs = tuple(
        pair for pair in combinations(columns, 2) if math.prod(columns[name].size for name in pair) <= MOST_PAIR_CELLS
    )
    if len(pairs) > MOST_PAIRS:
        raise BadSpecification(
            f"{len(columns)} columns have {len(pairs)} pairs, more than {MOST_PAIRS}; synthesize fewer columns at once"
        )
    fine = [name for name, coding in columns.items() if coding.fine_size]
    weights: dict[Clique, float] = {(): TOTAL_SHARE}
    weights |= {(name,): single_share / len(columns) for name in columns}
    weights |= {(name + FINE,): FINE_SHARE / len(fine) for name in fine}
    total = 1.0 if pairs else sum(weights.values())
    return Plan(float(rows_per_unit), {clique: weight / total for clique, weight in weights.items()}, pairs)


def table_scales(columns: Mapping[str, Coding], rows_per_unit: int) -> set[str]:
    """Return the names of all measurements of a table."""
    return plan_measurements(columns, rows_per_unit).names


def measurement_name(clique: Clique) -> str:
    """Return the name of a measurement; that of the number of rows is empty.

    >>> measurement_name(("age", "sex"))
    'age*sex'
    """
    return "*".join(clique)


def measure(
    coded: Coded, columns: Mapping[str, Coding], plan: Plan, mu: float, tails: Collection[str] = ()
) -> Measured:
    """Return the noisy marginals of the plan. The last codes of the columns in `tails` are merged, see `merge_tail`.

    Guarantee: the result is μ-GDP for neighbours that differ in all rows of one person, at most `plan.sensitivity`.
    """
    sizes = {name: coding.size for name, coding in columns.items()}
    sizes |= {name + FINE: coding.fine_size for name, coding in columns.items()}
    codes = {**coded.coarse, **{name + FINE: codes for name, codes in coded.fine.items()}}

    def noisy(clique: Clique, share: float) -> Measurement:
        counts = exact_counts(codes, sizes, clique) if clique else np.array([coded.rows], np.int64)
        return Measurement(clique, *add_fine_noise(counts, plan.sensitivity, mu * math.sqrt(share)))

    first = {clique: noisy(clique, share) for clique, share in plan.shares.items()}
    singles = {name: first[(name,)] for name in columns}
    mergings = merge_rare(columns, {name: (one.counts, one.scale) for name, one in singles.items()})
    mergings |= {name: merge_tail(singles[name].counts, singles[name].scale) for name in tails}
    for name, merging in mergings.items():
        codes[name], sizes[name] = merging.merged[codes[name]], merging.size
        counts = np.bincount(merging.merged, singles[name].counts).astype(np.float64)
        singles[name] = Measurement((name,), counts, singles[name].scale)
    pairs = tuple(noisy(pair, share) for pair, share in plan.pair_shares(sizes).items())
    return Measured(
        float(first[()].counts[0]),
        {name: first[(name + FINE,)].counts for name in columns if (name + FINE,) in first},
        singles,
        pairs,
        mergings,
        {name: sizes[name] for name in columns},
        {measurement_name(one.clique): one.scale for one in (*first.values(), *pairs)},
    )


def exact_counts(codes: Mapping[str, Codes], sizes: Mapping[str, int], clique: Clique) -> Codes:
    """Return the counts of a marginal, in row-major order. Callers must not release them."""
    shape = [sizes[name] for name in clique]
    cells = np.ravel_multi_index([codes[name] for name in clique], shape)
    return np.bincount(cells, minlength=math.prod(shape))
