"""Rounds values of rows to a grid on which float64 sums are exact, whatever the order and the split into sites."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SUM_BITS = 46
"""Sums of one full site stay below 2^46 steps; 64 full sites stay below 2^52, where float64 is exact."""


def to_grid(
    values: NDArray[np.float64], bound: float, rows_max: int, *, is_toward_zero: bool = False
) -> NDArray[np.float64]:
    """Returns the values rounded to multiples of a power of two that depends on public settings only.

    Sums of the result over up to 64 sites of `rows_max` rows are exact in float64, and in fixed point over up to
    32,768 sites. So a tree grown from the sums of sites equals the tree grown from the pooled rows bit for bit.

    `is_toward_zero` cuts instead of rounding, so that no clipped value grows.

    >>> to_grid(np.array([0.1]), bound=1.0, rows_max=2**30)[0] * 2**16
    np.float64(6554.0)
    """
    exponent = SUM_BITS - math.ceil(math.log2(bound * rows_max))
    to_whole = np.trunc if is_toward_zero else np.rint
    rounded: NDArray[np.float64] = np.ldexp(to_whole(np.ldexp(values, exponent)), -exponent)
    return rounded
