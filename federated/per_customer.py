"""Scales the rows of each customer so that all of them together change a sum by a bounded amount."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def row_weights(customer: NDArray[Any], norm: Floats, clip: float) -> Floats:
    """Returns one factor a row, at most 1 and equal for all rows of a customer.

    The contribution of a customer is the sum of the rows' vectors, times the factor. Its L2 norm is at most the sum
    of the rows' norms (triangle inequality), so the factor min(1, clip / sum) bounds it by `clip`. Neighbouring
    tables differ in all rows of one customer; the weighted sum over all rows has the L2 sensitivity `clip`.

    >>> row_weights(np.array(["a", "a", "b"]), np.array([3.0, 1.0, 0.5]), clip=1.0)
    array([0.25, 0.25, 1.  ])
    """
    if len(customer) == 0:
        return np.zeros(0)
    _, place = np.unique(customer, return_inverse=True)
    total = np.bincount(place, weights=norm)
    weights: Floats = np.minimum(1.0, clip / np.maximum(total, 1e-300))[place]
    return weights
