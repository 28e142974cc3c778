"""Sums of rows in which each customer's part is scaled down to a largest norm, so that the sensitivity is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from federated.errors import BadSetting

CHUNK_VALUES = 4_000_000
"""Values of rows that are held at once: 32 MB."""

STEP_BITS = 30
"""A customer's part is cut to whole multiples of about clip / 2^30. Float sums of up to 2^23 such parts are exact, so
that the order of rows and rounding in sums add nothing to the sensitivity."""


def clipped_sum(
    rows: Callable[[NDArray[Any]], NDArray[np.float64]], customer: NDArray[Any], width: int, clip: float
) -> NDArray[np.float64]:
    """Returns the sum over customers of their rows' sums, each scaled down to an L2 norm of at most `clip`.

    Neighbouring tables differ in all rows of one customer, added or removed. With f the returned sum,
    |f(D) - f(D')|₂ <= clip for all neighbours D, D'.

    Args:
        rows: returns the vectors (one row each, `width` values) of the rows with the given indices.
        customer: the customer of each row.
        width: number of values of a row's vector.
        clip: largest norm of one customer's part.

    Example:
        >>> values = np.array([[3.0], [1.0], [2.0]])
        >>> clipped_sum(lambda part: values[part], np.array(["a", "b", "a"]), 1, 4.0)
        array([5.])
    """
    if not clip > 0:
        raise BadSetting(f"`clip` must be above 0, got {clip}.")
    step = 2.0 ** (math.ceil(math.log2(clip)) - STEP_BITS)
    total = np.zeros(width)
    if not len(customer):
        return total
    order = np.argsort(customer, kind="stable")
    ordered = customer[order]
    starts = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, [len(ordered)]])
    limit, at = max(1, CHUNK_VALUES // width), 0
    while at < len(starts) - 1:
        end = max(int(np.searchsorted(starts, starts[at] + limit, side="right")) - 1, at + 1)
        part = rows(order[starts[at] : starts[end]])
        sums = np.add.reduceat(part, starts[at:end] - starts[at], axis=0)
        norms = np.linalg.norm(sums, axis=1)
        scaled = sums * np.minimum(1.0, clip / np.maximum(norms, 1e-300))[:, None]
        total += (np.trunc(scaled / step) * step).sum(axis=0)
        at = end
    return total


def row_weights(customer: NDArray[Any], norm: NDArray[np.float64], clip: float) -> NDArray[np.float64]:
    """Returns one factor a row, at most 1 and equal for all rows of a customer.

    The contribution of a customer is the sum of the rows' vectors, times the factor. Its L2 norm is at most the sum
    of the rows' norms (triangle inequality), so the factor min(1, clip / sum) bounds it by `clip`. Neighbouring
    tables differ in all rows of one customer; the weighted sum over all rows has the L2 sensitivity `clip`. Factors
    are cut to multiples of 2^-30, so that sums of factors are exact; products with values are cut by the caller.

    >>> row_weights(np.array(["a", "a", "b"]), np.array([3.0, 1.0, 0.5]), clip=1.0)
    array([0.25, 0.25, 1.  ])
    """
    if len(customer) == 0:
        return np.zeros(0)
    _, place = np.unique(customer, return_inverse=True)
    total = np.bincount(place, weights=norm)
    weights: NDArray[np.float64] = np.minimum(1.0, clip / np.maximum(total, 1e-300))
    return np.ldexp(np.trunc(np.ldexp(weights, STEP_BITS)), -STEP_BITS)[place]
