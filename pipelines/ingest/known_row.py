"""Finds the rows of a file that the table already has, by comparing row hashes as multisets.

A file that was exported again, under another name or in another order, repeats rows that were loaded before. If equal
rows occur t times in the table and f times in the file, the first min(t, f) rows of the file are known. The others
are new.

Example: table {A, A, B}, file A, A, A, B, C. Rows 1, 2 and 4 are known; rows 3 and 5 are new.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Hashes = tuple[Words, Words]
# Rows of the new file that are compared at once: 40 bytes of memory each, whatever the size of the table.
ROWS_PER_PART = 1 << 22
HASHES_PER_SEARCH = 1 << 20


def find_known(
    fresh: Iterable[Hashes], rows: int, known: Iterable[Hashes], *, is_unique: bool = False
) -> npt.NDArray[np.bool_]:
    """Return a mask over the rows of a file: true where the table already has the row.

    Args:
        fresh: the file's row hashes (low and high half), in the file's order.
        rows: number of rows in the file.
        known: the table's row hashes.
        is_unique: whether a hash occurs once at most, as that of a key does. Then every row is known whose hash occurs
            in the table or earlier in the file.

    Both are read once. The hashes of a file of more than `ROWS_PER_PART` rows are divided into temporary files by
    their low half, 16 to 24 bytes for each row. So the memory does not grow with the file or the table.
    """
    result = np.zeros(rows, np.bool_)
    parts = max(1, -(-rows // ROWS_PER_PART))
    if parts == 1:
        _mark(result, _numbered(fresh), known, is_unique)
        return result
    with tempfile.TemporaryDirectory(prefix="bojagi-known-") as folder:
        new, old = Path(folder, "new"), Path(folder, "old")
        _divide(_numbered(fresh), parts, new)
        _divide(known, parts, old)
        for part in range(parts):
            _mark(result, _read(new, part, 3), _read(old, part, 2), is_unique)
    return result


def _numbered(batches: Iterable[Hashes]) -> Iterator[tuple[Words, ...]]:
    """Yield the hashes with the position of each row."""
    done = 0
    for low, high in batches:
        yield low, high, np.arange(done, done + len(low), dtype=np.uint64)
        done += len(low)


def _mark(
    result: npt.NDArray[np.bool_], fresh: Iterable[tuple[Words, ...]], known: Iterable[tuple[Words, ...]],
    is_unique: bool,
) -> None:  # fmt: skip
    """Set the result of the fresh rows, each given with its position, that are among the known ones."""
    collected = list(fresh)
    if not collected:
        return
    low, high, positions = (np.concatenate(words) for words in zip(*collected, strict=True))
    group, rank, group_low, group_high = _rank(low, high)
    counts = np.zeros(len(group_low), np.int64)
    for known_low, known_high in _gather(known):
        _count(known_low, known_high, group_low, group_high, counts)
    result[positions] = (rank > 0) | (counts[group] > 0) if is_unique else rank < counts[group]


def _divide(batches: Iterable[tuple[Words, ...]], parts: int, folder: Path) -> None:
    """Write the hashes to one file for each of `parts` equal ranges of their low half, in the order of the batches."""
    folder.mkdir()
    width = np.uint64(-(-(1 << 64) // parts))
    with ExitStack() as stack:
        files = [stack.enter_context((folder / str(part)).open("wb")) for part in range(parts)]
        for batch in batches:
            part = batch[0] // width
            order = np.argsort(part, kind="stable")
            words = np.column_stack(batch)[order]
            ends = np.searchsorted(part[order], np.arange(1, parts, dtype=np.uint64))
            for file, piece in zip(files, np.split(words, ends), strict=True):
                file.write(piece.tobytes())


def _read(folder: Path, part: int, width: int) -> Iterator[tuple[Words, ...]]:
    """Yield what `_divide` wrote to one file; `width` is the number of words of each row."""
    with (folder / str(part)).open("rb") as file:
        while len(words := np.fromfile(file, np.uint64, HASHES_PER_SEARCH * width)):
            yield tuple(words.reshape(-1, width).T)


def _gather(batches: Iterable[tuple[Words, ...]]) -> Iterator[Hashes]:
    """Yield the hashes in large batches, because many sorted hashes are searched faster together."""
    lows: list[Words] = []
    highs: list[Words] = []
    waiting = 0
    for low, high in batches:
        lows.append(low)
        highs.append(high)
        waiting += len(low)
        if waiting >= HASHES_PER_SEARCH:
            yield np.concatenate(lows), np.concatenate(highs)
            lows, highs, waiting = [], [], 0
    if waiting:
        yield np.concatenate(lows), np.concatenate(highs)


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
