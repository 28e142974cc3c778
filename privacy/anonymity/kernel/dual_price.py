"""Dual prices of records by subgradient ascent; the value of the dual bounds the loss of every release from below.

The Lagrangian relaxation drops the condition that every record is published exactly once. What remains is one problem
per label: publish the records whose price exceeds the label's loss, filled up to k with others (Caprara, Fischetti and
Toth 1999, on set covering).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.compilation import allocating_entry_point, kernel
from privacy.anonymity.kernel.label_index import LabelIndex

PATIENCE, SHRINK, MOMENTUM = 8, 0.6, 0.4
"""Steps without progress before the step shrinks, the factor by which it shrinks, and the share of the last direction
that is kept."""


@kernel
def _sift(key: NDArray[np.float64], item: NDArray[np.int64], at: int, size: int) -> None:
    """Restores the min-heap below position `at`."""
    while True:
        child = 2 * at + 1
        if child >= size:
            return
        if child + 1 < size and key[child + 1] < key[child]:
            child += 1
        if key[at] <= key[child]:
            return
        key[at], key[child] = key[child], key[at]
        item[at], item[child] = item[child], item[at]
        at = child


@kernel
def label_gain(
    labels: LabelIndex,
    f: int,
    price: NDArray[np.float64],
    count: NDArray[np.int64],
    k: int,
    used: NDArray[np.float64],
    spare: NDArray[np.float64],
    where: NDArray[np.int64],
) -> float:
    """Returns the gain of the best class under label `f` at these prices: prices of its records less their loss.

    Not positive when no class pays, -inf when too few people are under the label. Adds the records of a class that pays
    to `used`. `spare` and `where` are working space for as many units as the label covers.
    """
    cost = labels.cost[f]
    gain, people, rest = 0.0, 0, 0
    first, last = labels.start[f], labels.start[f + 1]
    for i in range(first, last):
        u = labels.unit[i]
        if price[u] > cost:
            gain += (price[u] - cost) * count[u]
            people += count[u]
        else:
            spare[rest], where[rest] = cost - price[u] + 1e-9 * (i - first), u
            rest += 1
    if gain <= 0.0:
        return 0.0
    needed = k - people
    taken_from = rest
    if needed > 0:
        for at in range(rest // 2 - 1, -1, -1):
            _sift(spare, where, at, rest)
        while needed > 0 and taken_from > 0:
            u = where[0]
            gain -= min(needed, count[u]) * (cost - price[u])
            needed -= count[u]
            taken_from -= 1
            spare[0], spare[taken_from] = spare[taken_from], spare[0]
            where[0], where[taken_from] = where[taken_from], where[0]
            _sift(spare, where, 0, taken_from)
        if needed > 0:
            return -np.inf
    if gain > 0.0:
        needed = k - people
        for at in range(rest - 1, taken_from - 1, -1):
            u = where[at]
            used[u] += min(needed, count[u])
            needed -= count[u]
        for i in range(first, last):
            u = labels.unit[i]
            if price[u] > cost:
                used[u] += count[u]
    return float(gain)


@allocating_entry_point
def find_prices(
    labels: LabelIndex,
    count: NDArray[np.int64],
    k: int,
    first: NDArray[np.float64],
    cap: NDArray[np.float64],
    steps: int,
) -> tuple[NDArray[np.float64], float]:
    """Returns a price per unit and a lower bound of the total loss, after `steps` of ascent from the prices `first`.

    `cap` (units,) is the highest price of each unit.
    """
    units = count.shape[0]
    widest = 0
    for f in range(labels.cost.shape[0]):
        widest = max(widest, labels.start[f + 1] - labels.start[f])
    spare, where = np.empty(widest), np.empty(widest, np.int64)
    price, best_price = first.copy(), first.copy()
    used, last = np.zeros(units), np.zeros(units)
    best, scale, waited = -np.inf, 1.0, 0
    for _ in range(steps):
        used[:] = 0.0
        bound = 0.0
        for u in range(units):
            bound += price[u] * count[u]
        for f in range(labels.cost.shape[0]):
            bound -= max(label_gain(labels, f, price, count, k, used, spare, where), 0.0)
        if bound > best:
            best, waited = bound, 0
            best_price[:] = price
        else:
            waited += 1
            if waited >= PATIENCE:
                scale, waited = scale * SHRINK, 0
                price[:] = best_price
                last[:] = 0.0
                continue
        length = 1e-9
        for u in range(units):
            last[u] = 1.0 - used[u] / max(count[u], 1) + MOMENTUM * last[u]
            length += last[u] ** 2 * count[u]
        step = scale * max(1.1 * best - bound, 1e-4 * best) / length
        for u in range(units):
            price[u] = min(max(price[u] + step * last[u], 0.0), cap[u])
    return best_price, best
