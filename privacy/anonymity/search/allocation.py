"""The result of a search: the class of each record, and the labels of the classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.anonymity.kernel.problem import INTERVAL
from privacy.anonymity.table.frequency_table import FrequencyTable

SUPPRESSED = -1
BITS = 62
"""Values of a set that are stored in one integer."""


@dataclass(frozen=True)
class Allocation:
    """Assigns `count[i]` records of unit `unit[i]` to class `group[i]` (SUPPRESSED: not released).

    Sorted by unit, then class. `labels[c, j]` is the label of class `c` in column `j`.
    """

    unit: NDArray[np.int64]
    group: NDArray[np.int64]
    count: NDArray[np.int64]
    labels: NDArray[np.object_]

    @property
    def suppressed(self) -> int:
        """Number of records that are not released."""
        return int(self.count[self.group == SUPPRESSED].sum())

    def spread(self, unit_of_row: NDArray[np.int64], rank: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the class of each row, given the rows' units.

        Rows of one unit are distributed to its classes by rising `rank`, then by position. `rank` must follow from the
        row's content, so that the order of the rows does not matter.
        """
        first = np.flatnonzero(np.r_[True, self.unit[1:] != self.unit[:-1]])
        classes = np.diff(np.r_[first, len(self.unit)])
        whole = np.empty(int(self.unit[-1]) + 1, np.int64)
        whole[self.unit[first]] = self.group[first]
        is_split = np.zeros(len(whole), np.bool_)
        is_split[self.unit[first]] = classes > 1
        out = whole[unit_of_row]
        rows = np.flatnonzero(is_split[unit_of_row])
        order = rows[np.lexsort((rank[rows], unit_of_row[rows]))]
        slots = is_split[self.unit]
        out[order] = np.repeat(self.group[slots], self.count[slots])
        return out


def make_labels(table: FrequencyTable, unit: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.object_]:
    """Returns the smallest label of each class in each column that covers all of its members."""
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    out = np.empty((len(starts), len(table.domains)), object)
    for j, domain in enumerate(table.domains):
        codes = table.codes[:, j].astype(np.int64)[unit[order]]
        if domain.kind == INTERVAL:
            low, high = np.minimum.reduceat(codes, starts), np.maximum.reduceat(codes, starts)
            place, pairs = pd.factorize(low * len(domain.values) + high)
            members = [np.array(divmod(int(pair), len(domain.values))) for pair in pairs]
        else:
            place, members = _sets(codes, starts)
        out[:, j] = np.array([domain.label(part) for part in members], object)[place]
    return out


def _sets(codes: NDArray[np.int64], starts: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Returns the distinct sets of codes that classes have, and for each class the number of its set.

    The codes of class i begin at `starts[i]`. The numbers come first in the result.
    """
    place = np.zeros(len(starts), np.int64)
    for word in range(int(codes.max()) // BITS + 1):
        bits = np.where(codes // BITS == word, 1 << codes % BITS, 0)
        number, values = pd.factorize(np.bitwise_or.reduceat(bits, starts))
        place = pd.factorize(place * len(values) + number)[0].astype(np.int64)
    first = np.empty(int(place.max()) + 1, np.int64)
    first[place[::-1]] = np.arange(len(place) - 1, -1, -1)
    stops = np.append(starts[1:], len(codes))
    return place, [np.unique(codes[starts[a] : stops[a]]) for a in first]
