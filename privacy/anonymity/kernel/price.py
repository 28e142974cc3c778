"""Prices of records: what each will cost wherever it goes, by subgradient ascent on the Lagrangian dual.

Relaxing that every record is published once leaves one independent problem per label: publish the records worth more
than the label costs, filled up to k. Prices at the optimum of the dual make labels comparable across crowded and
lonely records (Caprara, Fischetti and Toth 1999, on set covering). The dual bounds the loss from below.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from privacy.anonymity.kernel.lean import lean
from privacy.anonymity.kernel.pool import Pool

PATIENCE, SHRINK, MOMENTUM = 8, 0.6, 0.4
"""Steps without progress before the step shrinks, by how much, and the share of the last direction kept."""


@lean
def _sift(key: NDArray[np.float64], item: NDArray[np.int64], at: int, size: int) -> None:
    """Restore the min-heap below place `at`."""
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


@lean
def label_gain(
    pool: Pool,
    f: int,
    price: NDArray[np.float64],
    count: NDArray[np.int64],
    k: int,
    used: NDArray[np.float64],
    spare: NDArray[np.float64],
    where: NDArray[np.int64],
    is_open: bool,
) -> float:
    """Worth of the best class under label `f` at these prices, negative when none pays (-inf when none exists).

    With `is_open`, adds the records of the class to `used` when it pays. `spare` and `where` are working space for as
    many units as the label covers.
    """
    cost = pool.cost[f]
    gain, people, rest = 0.0, 0, 0
    first, last = pool.start[f], pool.start[f + 1]
    for i in range(first, last):
        u = pool.unit[i]
        if price[u] > cost:
            gain += (price[u] - cost) * count[u]
            people += count[u]
        else:
            spare[rest], where[rest] = cost - price[u] + 1e-9 * (i - first), u
            rest += 1
    if is_open and gain <= 0.0:
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
    if is_open and gain > 0.0:
        needed = k - people
        for at in range(rest - 1, taken_from - 1, -1):
            u = where[at]
            used[u] += min(needed, count[u])
            needed -= count[u]
        for i in range(first, last):
            u = pool.unit[i]
            if price[u] > cost:
                used[u] += count[u]
    return float(gain)


@njit(cache=True, nogil=True)
def find_prices(
    pool: Pool, count: NDArray[np.int64], k: int, first: NDArray[np.float64], cap: NDArray[np.float64], steps: int
) -> tuple[NDArray[np.float64], float]:
    """Prices per unit and the bound on the total loss, after `steps` of ascent from the prices `first`."""
    units = count.shape[0]
    widest = 0
    for f in range(pool.cost.shape[0]):
        widest = max(widest, pool.start[f + 1] - pool.start[f])
    spare, where = np.empty(widest), np.empty(widest, np.int64)
    price, best_price = first.copy(), first.copy()
    used, last = np.zeros(units), np.zeros(units)
    best, scale, waited = -np.inf, 1.0, 0
    for _ in range(steps):
        used[:] = 0.0
        bound = 0.0
        for u in range(units):
            bound += price[u] * count[u]
        for f in range(pool.cost.shape[0]):
            bound -= max(label_gain(pool, f, price, count, k, used, spare, where, True), 0.0)
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


@njit(cache=True, nogil=True)
def gains(pool: Pool, price: NDArray[np.float64], count: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Worth of the best class under each label; see `label_gain`."""
    widest = 0
    for f in range(pool.cost.shape[0]):
        widest = max(widest, pool.start[f + 1] - pool.start[f])
    spare, where, used = np.empty(widest), np.empty(widest, np.int64), np.empty(0)
    out = np.empty(pool.cost.shape[0])
    for f in range(pool.cost.shape[0]):
        out[f] = label_gain(pool, f, price, count, k, used, spare, where, False)
    return out
