"""The constant input of a search: encoded units, loss tables, neighbour lists and models."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

INTERVAL, SET = 0, 1
"""Kind of a column's labels: a range `[lo, hi]` of codes with a loss table, or a set of codes."""


class Problem(NamedTuple):
    """The constant arrays of a search over `m` units, `t` distinct tuples and `q` quasi-identifiers.

    A unit is a distinct combination of quasi-identifiers (a tuple) and sensitive values. Units of one tuple are
    consecutive. A loss is a share of 1, already multiplied by the column's weight.
    """

    codes: NDArray[np.int32]
    """(m, q) code of each unit in each column; for INTERVAL columns codes follow the leaf order."""
    tuple_of: NDArray[np.int32]
    """(m,) tuple of each unit."""
    unit_start: NDArray[np.int64]
    """(t + 1,) first unit of each tuple."""
    people: NDArray[np.int64]
    """(m,) 1 when the records of the unit count as people, 0 for further rows of people counted elsewhere."""
    category: NDArray[np.int32]
    """(m, s) histogram bin of each sensitive column."""
    kind: NDArray[np.int8]
    """(q,) INTERVAL or SET."""
    size: NDArray[np.int64]
    """(q,) number of codes."""
    table_start: NDArray[np.int64]
    """(q,) where the column's loss table begins in `table`."""
    table: NDArray[np.float64]
    """Loss of the label covering codes lo..hi, at `table_start + lo * size + hi`."""
    set_step: NDArray[np.float64]
    """(q,) loss of each further value in a set."""
    words: int
    """64-bit words of a set's mask."""
    neighbour: NDArray[np.int32]
    """(t, n) nearest tuples in order, itself first; filled up with -1."""
    close: int
    """Number of neighbours that moves draw partners from."""
    floor: NDArray[np.float64]
    """(t,) lower bound of the loss of every class that holds a record of the tuple."""
    model_kind: NDArray[np.int64]
    """(r,) number of each model, see `model_shortfall`."""
    model_number: NDArray[np.float64]
    """(r, 2) parameters of each model."""
    model_bins: NDArray[np.int64]
    """(r, 2) first and last + 1 bin of the model's sensitive column."""
    prior: NDArray[np.float64]
    """(bins,) share of each sensitive value in the whole table."""
    ground: NDArray[np.int32]
    """(r, levels, bins) group of each bin at each level of the model's sensitive hierarchy (hierarchical EMD)."""
