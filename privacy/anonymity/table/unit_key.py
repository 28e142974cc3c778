"""Units as whole numbers: codes of the columns packed into words, the same in numpy and in the engine's SQL.

The quasi-identifiers fill the first words in the order in which a table is sorted (costliest to differ in first), so
that a range of the first word holds tuples near each other. What tells units of one tuple apart comes last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.table.domain import Domain
from privacy.anonymity.table.frequency_table import FrequencyTable, Sensitive, column_order

ROOM = 2**62
"""Numbers that a word may take."""


@dataclass(frozen=True)
class Packing:
    """Place of each column in the words. Columns: quasi-identifiers, sensitive columns, whether the row is home."""

    size: tuple[int, ...]
    word: tuple[int, ...]
    stride: tuple[int, ...]
    words: int
    tuple_words: int
    """Words of the quasi-identifiers, which come first."""

    def pack(self, columns: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        """(n, words) of columns of codes."""
        out = np.zeros((len(columns[0]), self.words), np.int64)
        for codes, word, stride in zip(columns, self.word, self.stride, strict=True):
            out[:, word] += codes * stride
        return out

    def unpack(self, words: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Columns of codes of (n, words)."""
        places = zip(self.size, self.word, self.stride, strict=True)
        return [words[:, word] // stride % size for size, word, stride in places]

    def steps(self) -> list[int]:
        """Strides of the first word, coarsest first, after the number that all of it is below."""
        inside = [
            (stride, size) for stride, size, word in zip(self.stride, self.size, self.word, strict=True) if not word
        ]
        whole = max((stride * size for stride, size in inside), default=1)
        return [whole, *sorted({stride for stride, _ in inside}, reverse=True)]


def make_packing(domains: tuple[Domain, ...], sensitive: tuple[Sensitive, ...]) -> Packing:
    """Words for the columns of a table."""
    size = [*(len(d.values) for d in domains), *(len(s.values) for s in sensitive), 2]
    order, rest = column_order(domains), list(range(len(domains), len(size)))
    word, stride = [0] * len(size), [1] * len(size)
    number = 0
    for columns in (order, rest):
        at = 1
        for j in reversed(columns):
            if at * size[j] > ROOM:
                number, at = number + 1, 1
            word[j], stride[j] = number, at
            at *= size[j]
        number += 1
    last = max(word[j] for j in order)
    # Filled from the finest column, so the coarsest stand in the last word of the tuple: that one comes first.
    for j in order:
        word[j] = last - word[j]
    return Packing(tuple(size), tuple(word), tuple(stride), number, last + 1)


def to_table(
    packing: Packing,
    domains: tuple[Domain, ...],
    sensitive: tuple[Sensitive, ...],
    words: NDArray[np.int64],
    count: NDArray[np.int64],
) -> FrequencyTable:
    """The table of packed units, which must be sorted by their words."""
    columns = packing.unpack(words)
    codes = np.stack(columns[: len(domains)], 1).astype(np.int32)
    held = columns[len(domains) : -1]
    category = np.stack(held, 1) if held else np.zeros((len(words), 0))
    home = columns[-1] == 0
    return FrequencyTable(domains, sensitive, codes, category.astype(np.int32), home, count)


def words_of(packing: Packing, table: FrequencyTable) -> NDArray[np.int64]:
    """(units, words) of a table."""
    codes = [table.codes[:, j].astype(np.int64) for j in range(len(table.domains))]
    category = [table.category[:, j].astype(np.int64) for j in range(len(table.sensitive))]
    return packing.pack([*codes, *category, (~table.is_home).astype(np.int64)])
