"""Finds the rows of a file that the table already has, by comparing row hashes as multisets.

A file that was exported again, under another name or in another order, repeats rows that were loaded before. If equal
rows occur t times in the table and f times in the file, the first min(t, f) rows of the file are known. The others
are new.

Example: table {A, A, B}, file A, A, A, B, C. Rows 1, 2 and 4 are known; rows 3 and 5 are new.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Hashes = tuple[Words, Words]
# Rows of the new file that are compared at once: 32 bytes of memory each, whatever the size of the table.
ROWS_PER_PART = 1 << 22
HASHES_PER_SEARCH = 1 << 20


def find_known(
    fresh: Callable[[], Iterable[Hashes]], rows: int, known: Callable[[], Iterable[Hashes]]
) -> npt.NDArray[np.bool_]:
    """Return a mask over the rows of a file: true where the table already has the row.

    Args:
        fresh: starts an iteration over the file's row hashes (low and high half), in the file's order.
        rows: number of rows in the file.
        known: starts an iteration over the table's row hashes.

    Both iterations are repeated once for each `ROWS_PER_PART` rows of the file. So the memory does not grow with the
    file or the table.
    """
    result = np.zeros(rows, np.bool_)
    parts = max(1, -(-rows // ROWS_PER_PART))
    for part in range(parts):
        within = _chooser(part, parts)
        low, high, positions = _collect(fresh(), within)
        if len(low):
            group, rank, group_low, group_high = _rank(low, high)
            counts = np.zeros(len(group_low), np.int64)
            for known_low, known_high in _gather(known(), within):
                _count(known_low, known_high, group_low, group_high, counts)
            result[positions] = rank < counts[group]
    return result


def _chooser(part: int, parts: int) -> Callable[[Words], npt.NDArray[np.bool_]]:
    """Return a function that selects the hashes whose low half lies in the given one of `parts` equal ranges."""
    if parts == 1:
        return lambda low: np.ones(len(low), np.bool_)
    width = -(-(1 << 64) // parts)
    least, last = np.uint64(part * width), np.uint64(min((part + 1) * width, 1 << 64) - 1)
    return lambda low: (low >= least) & (low <= last)


def _gather(batches: Iterable[Hashes], within: Callable[[Words], npt.NDArray[np.bool_]]) -> Iterator[Hashes]:
    """Yield the selected hashes in large batches, because many sorted hashes are searched faster together."""
    lows: list[Words] = []
    highs: list[Words] = []
    waiting = 0
    for low, high in batches:
        chosen = within(low)
        lows.append(low[chosen])
        highs.append(high[chosen])
        waiting += len(lows[-1])
        if waiting >= HASHES_PER_SEARCH:
            yield np.concatenate(lows), np.concatenate(highs)
            lows, highs, waiting = [], [], 0
    if waiting:
        yield np.concatenate(lows), np.concatenate(highs)


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
    """Group equal hashes. Return each row's group, its rank within the group, and the groups' sorted hashes."""
    # Both sorts are stable, so equal rows keep the file's order. Two hashes rarely agree in the low half alone.
    order = np.argsort(low, kind="stable")
    is_tie = low[order[1:]] == low[order[:-1]]
    if (high[order[1:]][is_tie] != high[order[:-1]][is_tie]).any():
        order = np.lexsort((high, low))
    sorted_low, sorted_high = low[order], high[order]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (sorted_low[1:] != sorted_low[:-1]) | (sorted_high[1:] != sorted_high[:-1])
    starts = np.flatnonzero(is_first)
    sorted_group = np.cumsum(is_first) - 1
    group = np.empty(len(order), np.int64)
    rank = np.empty(len(order), np.int64)
    group[order] = sorted_group
    rank[order] = np.arange(len(order)) - starts[sorted_group]
    return group, rank, sorted_low[starts], sorted_high[starts]


def _count(low: Words, high: Words, group_low: Words, group_high: Words, counts: npt.NDArray[np.int64]) -> None:
    """Add to `counts` how often each group's hash occurs among the given hashes."""
    order = np.argsort(low)
    low, high = low[order], high[order]
    place = np.searchsorted(group_low, low)
    # Two groups may share the low half; they are neighbours in the sorted order.
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
