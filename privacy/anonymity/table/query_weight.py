"""Weighs columns by the error of counting queries, for releases that are used to count rows.

An answer from the release spreads a row evenly over the values of its label. Two values that share labels get equal
counts, so the error is large where their real counts differ. The information loss counts values and misses this: one
more of 41 countries is 1/40 of a cell, but it halves the count of `United-States`, 91 % of the rows. The counting cost
of a column is this error per unit of loss.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HALF, MOST_SHARE = 10.0, 0.4
"""Mean counting cost at which half of the weight follows it, and the largest share of the weight that may. On Adult at
k=5 with set labels it is about 4: from a fifth to two fifths of the weight the error of counts falls from .026 to .022,
and the loss rises by 5 %."""
RUN, CHOICE = 2.0, 0.48
"""Chance that a query separates two values: for neighbours of an ordered column, times the number of values; and for
any two values, where a query asks for about 40 % of them."""


def counting_cost(rows: NDArray[np.int64], is_ordered: bool) -> float:
    """Returns the expected error of counts per unit of loss when a column's labels cover one more value.

    It is 0 for a single value. `rows` is the number of rows of each value. Labels that cover values a and b with shares
    p and q move (p - q) / (p + q) of the rows from a to b. Any two values may share a label; in an ordered column only
    neighbours in the order of `rows` do. Queries of an ordered column ask for runs of values, so few separate two
    neighbours. The flows of each value are added. The errors of a query's values add as squares, so many small ones
    cancel out.

    >>> counting_cost(np.array([50, 50]), False), round(counting_cost(np.array([90, 5, 5]), False), 2)
    (0.0, 1.07)
    """
    size = len(rows)
    if size < 2:
        return 0.0
    share = rows / rows.sum()
    flow, met = np.zeros(size), 0.0
    if is_ordered:
        first, second = share[:-1], share[1:]
        met = float((first + second).sum()) / 2
        flow[:-1] += (first - second) / 2
        flow[1:] -= (first - second) / 2
    else:
        for a, p in enumerate(share):
            chance = p * share
            met += float(chance.sum() - p * p)
            flow[a] = (chance * (p - share) / (p + share)).sum()
    separated = min(RUN / size / CHOICE, 1.0) if is_ordered else 1.0
    return float((size - 1) * separated * np.sqrt((flow**2).sum()) / met)


def blend(weights: NDArray[np.float64], costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the share of each column in the loss, proportional to weight * (1 + counting cost / HALF).

    At most MOST_SHARE of all weight follows the counting cost, so that other columns keep theirs.
    """
    shares = weights / weights.sum()
    weighted = shares * costs
    mean = float(weighted.sum())
    if mean <= 0.0:
        return np.asarray(shares)
    part = min(mean / (mean + HALF), MOST_SHARE)
    return np.asarray((1 - part) * shares + part * weighted / mean)
