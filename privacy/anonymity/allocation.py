"""The result of a search: which class each record of each unit goes to, and the labels of the classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.problem import INTERVAL
from privacy.anonymity.table import FrequencyTable

SUPPRESSED = -1


@dataclass(frozen=True)
class Allocation:
    """`count[i]` records of unit `unit[i]` go to class `group[i]` (SUPPRESSED: not released).

    Sorted by unit, then class. `labels[c, j]` is the label of class `c` in column `j`.
    """

    unit: NDArray[np.int64]
    group: NDArray[np.int64]
    count: NDArray[np.int64]
    labels: NDArray[np.object_]

    @property
    def suppressed(self) -> int:
        """Records that are not released."""
        return int(self.count[self.group == SUPPRESSED].sum())

    def spread(self, unit_of_row: NDArray[np.int64], rank: NDArray[np.int64]) -> NDArray[np.int64]:
        """Class of each row. Rows of one unit are dealt out by rising `rank`, then by position.

        `rank` must come from the row's content, so that the order of the rows does not matter.
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
    """Smallest label of each class in each column that covers all of its members."""
    groups = int(group.max()) + 1
    out = np.empty((groups, len(table.domains)), object)
    for j, domain in enumerate(table.domains):
        codes = table.codes[unit, j].astype(np.int64)
        low = np.full(groups, len(domain.values), np.int64)
        high = np.zeros(groups, np.int64)
        np.minimum.at(low, group, codes)
        np.maximum.at(high, group, codes)
        if domain.kind == INTERVAL:
            pair, place = np.unique(low * len(domain.values) + high, return_inverse=True)
            known = [domain.label(np.array(divmod(int(x), len(domain.values)))) for x in pair]
            out[:, j] = np.array(known, object)[place.ravel()]
            continue
        values = np.array(domain.values, object)
        out[:, j] = values[low]
        mixed = low != high
        inside = mixed[group]
        member = np.unique(np.stack([group[inside], codes[inside]], 1), axis=0)
        edges = np.flatnonzero(np.diff(member[:, 0], prepend=-1))
        seen: dict[bytes, str] = {}
        for part in np.split(member, edges[1:]) if len(edges) else []:
            key = part[:, 1].tobytes()
            if key not in seen:
                seen[key] = domain.label(part[:, 1])
            out[part[0, 0], j] = seen[key]
    return out
