"""Finds bin edges of every feature from sums of counts: federated quantiles.

A fine grid of buckets starts evenly between the public bounds. Each round the sites count their rows by bucket, and
the next grid puts the same number of rows into every bucket, by linear interpolation. Example with 4 buckets on
[0, 8]: counts 6, 2, 0, 0 make the edges 0.67, 1.33 and 2 become the edges of the next round (2 rows each).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def even_edges(lower: Floats, upper: Floats, buckets: int) -> Floats:
    """Returns `buckets` - 1 inner edges a feature, evenly spaced between its bounds."""
    share = np.arange(1, buckets, dtype=np.float64) / buckets
    return lower[:, None] + (upper - lower)[:, None] * share


def bucket_of(features: Floats, edges: Floats) -> NDArray[np.int64]:
    """Returns the bucket of each value (rows × features): the number of edges below it."""
    found = [np.searchsorted(edges[j], features[:, j], side="left") for j in range(len(edges))]
    return np.stack(found, axis=1) if found else np.zeros((len(features), 0), dtype=np.int64)


def count_buckets(features: Floats, edges: Floats, weight: Floats) -> Floats:
    """Returns the sum of row weights by feature and bucket."""
    codes, buckets = bucket_of(features, edges), edges.shape[1] + 1
    return np.stack([np.bincount(codes[:, j], weights=weight, minlength=buckets) for j in range(len(edges))])


def refine_edges(counts: Floats, edges: Floats, lower: Floats, upper: Floats) -> Floats:
    """Returns edges that divide the rows evenly, interpolated in the counts of the present edges."""
    refined = np.empty_like(edges)
    for j, row in enumerate(np.maximum(counts, 0.0)):
        ranks = np.concatenate([[0.0], np.cumsum(row)])
        places = np.concatenate([[lower[j]], edges[j], [upper[j]]])
        wanted = ranks[-1] * np.arange(1, len(row)) / len(row)
        refined[j] = np.interp(wanted, ranks, places) if ranks[-1] > 0 else edges[j]
    return refined


def choose_edges(counts: Floats, edges: Floats, bins: int) -> Floats:
    """Returns at most `bins` - 1 edges a feature that divide the rows evenly; unused places hold infinity.

    Edges with no row between them are one candidate, placed in the middle of them. So the edge between the counts
    0 and 1 lies near 0.5.
    """
    chosen = np.full((len(edges), bins - 1), np.inf)
    for j, row in enumerate(np.maximum(counts, 0.0)):
        ranks = np.cumsum(row)
        candidates, first, size = np.unique(ranks[:-1], return_index=True, return_counts=True)
        middle = (edges[j][first] + edges[j][first + size - 1]) / 2
        is_inside = (candidates > 0) & (candidates < ranks[-1])
        candidates, middle = candidates[is_inside], middle[is_inside]
        if len(candidates) >= bins:
            wanted = ranks[-1] * np.arange(1, bins) / bins
            middle = middle[np.unique(np.abs(candidates[None, :] - wanted[:, None]).argmin(axis=1))]
        chosen[j, : len(middle)] = middle
    return chosen
