"""Makes sites whose customers differ, with the true probability of each row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from federated.schema import Column, SiteTable, TableSchema

FEATURES = 20
BOUND = 6.0
SCHEMA = TableSchema(
    tuple(Column(f"feature_{i}", "number", -BOUND, BOUND) for i in range(FEATURES)),
    Column("outcome", "binary"),
    rows_max=100_000,
)


@dataclass(frozen=True)
class UnlikeSite:
    """A site with rows to train on and rows held out.

    Attributes:
        truth: true probability of each held-out row.
    """

    name: str
    train: SiteTable
    test: SiteTable
    truth: NDArray[np.float64]


def unlike_sites(count: int, seed: int, *, draw: int = 0, spread: float = 0.4, curved: float = 0.0) -> list[UnlikeSite]:
    """Returns sites of 100 to 4,000 training rows, log-uniform, and as many held-out rows, at least 2,000.

    Each site has its own mean of the features, its own intercept and its own coefficients around common ones.

    Args:
        count: number of sites.
        seed: of the sites: their sizes and their true models.
        draw: of their rows. Other draws are other customers of the same sites.
        spread: standard deviation of a site's coefficients around the common ones, which have 0.5; a tenth of the
            sites differ three times as much.
        curved: weight of products of features, which only trees and networks can learn.
    """
    source, rows_source = np.random.default_rng(seed), np.random.default_rng([seed, draw])
    common = source.normal(scale=0.5, size=FEATURES)
    pairs = [(0, 1), (2, 3), (4, 5)]
    sites, first = [], 0
    for place in range(count):
        rows = int(np.exp(source.uniform(np.log(100), np.log(4_000))))
        held = max(2_000, rows)
        centre = source.normal(scale=0.5, size=FEATURES)
        is_alien = place % 10 == 7 if count >= 10 else place == 3
        own = common + source.normal(scale=spread * (3 if is_alien else 1) / np.sqrt(FEATURES), size=FEATURES)
        shift = source.normal(scale=0.7) - 1.0
        x = np.clip(rows_source.normal(size=(rows + held, FEATURES)) + centre, -BOUND, BOUND)
        score = x @ own + shift + curved * sum(np.maximum(x[:, i], 0) * x[:, j] for i, j in pairs)
        truth = 1 / (1 + np.exp(-score))
        y = (rows_source.random(rows + held) < truth).astype(np.float64)
        customer = np.arange(first, first + rows + held)
        first += rows + held
        sites.append(
            UnlikeSite(
                f"site_{place}",
                SiteTable.of(SCHEMA, x[:rows], y[:rows], customer[:rows]),
                SiteTable.of(SCHEMA, x[rows:], y[rows:], customer[rows:]),
                truth[rows:],
            )
        )
    return sites
