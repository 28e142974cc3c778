"""Weighs former groups as evidence, so that a rerun does not regroup records whose weight is near the threshold."""

import numpy as np
from numpy.typing import NDArray

from pipelines.matching.cluster import WEIGHT_CAP
from pipelines.matching.scoring import ScoredPairs

FORMER_WEIGHT = 1.0
"""Bits that a former group adds to a pair. New records move the trained weights by tenths of a bit."""


def favour_former(pairs: ScoredPairs, former: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the weights for clustering: FORMER_WEIGHT more within a former group, and as much less between two.

    Clear evidence still merges or splits former groups, because weights reach 12 bits (WEIGHT_CAP). A weight below
    minus WEIGHT_CAP refuses a pair and stays.

    Args:
        pairs: the scored pairs.
        former: number of the former group of each record; -1 for a new record, whose pairs keep their weights.

    >>> pairs = ScoredPairs(np.array([0, 0, 1]), np.array([1, 2, 3]), np.array([12.0, 6.0, 0.0]))
    >>> favour_former(pairs, np.array([7, 7, 8, -1])).tolist()
    [12.0, 4.5, 0.0]
    """
    left, right = former[pairs.left], former[pairs.right]
    known = (left >= 0) & (right >= 0)
    # Clustering caps the weights. They are scaled down, so that the cap does not make different weights equal.
    weight = np.clip(pairs.weight, -WEIGHT_CAP, WEIGHT_CAP) * (1 - FORMER_WEIGHT / WEIGHT_CAP)
    favoured = weight + np.where(known, np.where(left == right, FORMER_WEIGHT, -FORMER_WEIGHT), 0.0)
    return np.where(pairs.weight < -WEIGHT_CAP, pairs.weight, favoured)
