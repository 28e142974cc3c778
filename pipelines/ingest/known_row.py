"""Which rows of a file are in the table already: by hash, as a multiset.

A file that was renamed and exported again in another order holds rows that were loaded before. If a row's
content occurs in the table t times and in the file f times, the first min(t, f) of the file are known and
the others new.
"""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Hashes = tuple[Words, Words]
# Rows of the new file that are compared at once: 32 bytes each, whatever the size of the table.
ROWS_AT_ONCE = 1 << 23


def find_known(
    fresh: Callable[[], Iterable[Hashes]], rows: int, known: Callable[[], Iterable[Hashes]]
) -> npt.NDArray[np.bool_]:
    """Mark the rows of a file that the table holds.

    `fresh` and `known` start an iteration over hashes (low and high lane), in the file's order and of the
    whole table. Both are read once for each `ROWS_AT_ONCE` rows of the file, so memory does not grow with
    either.
    """
    result = np.zeros(rows, np.bool_)
    parts = max(1, -(-rows // ROWS_AT_ONCE))
    for part in range(parts):
        within = _chooser(part, parts)
        low, high, positions = _collect(fresh(), within)
        if len(low):
            group, rank, group_low, group_high = _rank(low, high)
            counts = np.zeros(len(group_low), np.int64)
            for known_low, known_high in known():
                chosen = within(known_low)
                _count(known_low[chosen], known_high[chosen], group_low, group_high, counts)
            result[positions] = rank < counts[group]
    return result


def _chooser(part: int, parts: int) -> Callable[[Words], npt.NDArray[np.bool_]]:
    """Rows of one of equal ranges of the first lane."""
    if parts == 1:
        return lambda low: np.ones(len(low), np.bool_)
    width = -(-(1 << 64) // parts)
    least, last = np.uint64(part * width), np.uint64(min((part + 1) * width, 1 << 64) - 1)
    return lambda low: (low >= least) & (low <= last)


def _collect(
    batches: Iterable[Hashes], within: Callable[[Words], npt.NDArray[np.bool_]]
) -> tuple[Words, Words, npt.NDArray[np.int64]]:
    lows, highs, positions = [], [], []
    done = 0
    for low, high in batches:
        chosen = np.flatnonzero(within(low))
        lows.append(low[chosen])
        highs.append(high[chosen])
        positions.append(chosen + done)
        done += len(low)
    if not lows:
        return np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros(0, np.int64)
    return np.concatenate(lows), np.concatenate(highs), np.concatenate(positions)


def _rank(low: Words, high: Words) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Words, Words]:
    """Group equal hashes: each row's group and place among the equal ones; the groups' hashes in order."""
    order = np.lexsort((high, low))
    sorted_low, sorted_high = low[order], high[order]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (sorted_low[1:] != sorted_low[:-1]) | (sorted_high[1:] != sorted_high[:-1])
    starts = np.flatnonzero(is_first)
    sorted_group = np.cumsum(is_first) - 1
    group = np.empty(len(order), np.int64)
    rank = np.empty(len(order), np.int64)
    group[order] = sorted_group
    # lexsort is stable, so equal rows keep the file's order.
    rank[order] = np.arange(len(order)) - starts[sorted_group]
    return group, rank, sorted_low[starts], sorted_high[starts]


def _count(low: Words, high: Words, group_low: Words, group_high: Words, counts: npt.NDArray[np.int64]) -> None:
    """Add how often each group's hash occurs."""
    order = np.argsort(low)
    low, high = low[order], high[order]
    place = np.searchsorted(group_low, low)
    # Two groups may share the first lane; they stand side by side.
    while True:
        inside = place < len(group_low)
        low, high, place = low[inside], high[inside], place[inside]
        same_low = group_low[place] == low
        low, high, place = low[same_low], high[same_low], place[same_low]
        if not len(low):
            return
        same = group_high[place] == high
        np.add.at(counts, place[same], 1)
        low, high, place = low[~same], high[~same], place[~same] + 1
