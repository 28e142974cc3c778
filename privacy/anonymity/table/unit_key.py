"""Packs the codes of a unit into integers (words), in the same way in numpy and in the engine's SQL.

The quasi-identifiers fill the first words, starting with the column in which a difference costs most. So a range of the
first word holds tuples that are near each other. Sensitive values come last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.table.domain import Domain
from privacy.anonymity.table.frequency_table import FrequencyTable, Sensitive, column_order

ROOM = 2**62
"""Number of values of a word."""


@dataclass(frozen=True)
class Packing:
    """Word and stride of each column: quasi-identifiers, sensitive columns, and whether the row counts as a person."""

    size: tuple[int, ...]
    word: tuple[int, ...]
    stride: tuple[int, ...]
    words: int
    tuple_words: int
    """Number of words of the quasi-identifiers, which come first."""

    def pack(self, columns: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        """Returns the packed words of n rows from their columns of codes; shape (n, words)."""
        out = np.zeros((len(columns[0]), self.words), np.int64)
        for codes, word, stride in zip(columns, self.word, self.stride, strict=True):
            out[:, word] += codes * stride
        return out

    def unpack(self, words: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Returns the columns of codes from packed words; undoes `pack`."""
        places = zip(self.size, self.word, self.stride, strict=True)
        return [words[:, word] // stride % size for size, word, stride in places]

    def steps(self) -> list[int]:
        """Returns the upper bound of the first word, then its strides, coarsest first."""
        inside = [
            (stride, size) for stride, size, word in zip(self.stride, self.size, self.word, strict=True) if not word
        ]
        whole = max((stride * size for stride, size in inside), default=1)
        return [whole, *sorted({stride for stride, _ in inside}, reverse=True)]


def make_packing(domains: tuple[Domain, ...], sensitive: tuple[Sensitive, ...]) -> Packing:
    """Returns the packing for the columns of a table."""
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
    # Words were filled from the finest column, so the coarsest column is in the last word. Reverse them: it goes first.
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
    """Returns the frequency table of packed units, which must be sorted by their words."""
    columns = packing.unpack(words)
    codes = np.stack(columns[: len(domains)], 1).astype(np.int32)
    modelled = columns[len(domains) : -1]
    category = np.stack(modelled, 1) if modelled else np.zeros((len(words), 0))
    home = columns[-1] == 0
    return FrequencyTable(domains, sensitive, codes, category.astype(np.int32), home, count)


def words_of(packing: Packing, table: FrequencyTable) -> NDArray[np.int64]:
    """Returns the packed words of a table's units; shape (units, words)."""
    codes = [table.codes[:, j].astype(np.int64) for j in range(len(table.domains))]
    category = [table.category[:, j].astype(np.int64) for j in range(len(table.sensitive))]
    return packing.pack([*codes, *category, (~table.is_home).astype(np.int64)])
