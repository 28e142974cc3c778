"""The values of one quasi-identifier as codes, and the labels over them with their losses.

The loss of a label is the normalised certainty penalty: (covered values of the table - 1) / (values of the table - 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.errors import SpecError
from privacy.anonymity.kernel.problem import INTERVAL, SET
from privacy.anonymity.spec import hierarchy as trees
from privacy.anonymity.spec.hierarchy import TOP, Hierarchy
from privacy.anonymity.spec.specification import ColumnSpec
from privacy.anonymity.table.range_label import range_label

LARGEST_TABLE = 4096
"""Most values of a column. A loss table of more (values squared) would not fit; generalise such columns first."""


@dataclass(frozen=True)
class Domain:
    """The values of one quasi-identifier; `values[code]` is a value. With a hierarchy, codes follow its leaf order."""

    column: str
    values: tuple[str, ...]
    hierarchy: Hierarchy | None
    is_ordered: bool
    weight: float
    counting: float = 0.0
    """Error of counts per unit of loss (see `query_weight`), where the specification weighs columns by it; else 0."""

    @property
    def kind(self) -> int:
        """Kind of label in the search: INTERVAL or SET."""
        return INTERVAL if self.hierarchy or self.is_ordered else SET

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """Group of each code on each level, named by its first code; shape (levels, values).

        Level 0 is the value itself. The last level is one group of all values.
        """
        size = len(self.values)
        if self.hierarchy is None:
            return np.stack([np.arange(size), np.zeros(size, np.int64)])
        out = np.zeros((self.hierarchy.height, size), np.int64)
        for level in range(self.hierarchy.height):
            for code in range(1, size):
                same = self.hierarchy.rows[code][level:] == self.hierarchy.rows[code - 1][level:]
                out[level, code] = out[level, code - 1] if same else code
        return out

    @cached_property
    def group_loss(self) -> NDArray[np.float64]:
        """Loss of each code's label on each level; shape (levels, values)."""
        sizes = np.stack([np.bincount(row, minlength=row.size)[row] for row in self.groups])
        return np.asarray((sizes - 1) / max(len(self.values) - 1, 1))

    @cached_property
    def pair_loss(self) -> NDArray[np.float64]:
        """Loss of the smallest label that covers two codes; shape (values, values)."""
        size = len(self.values)
        if self.hierarchy is None:
            span = np.arange(size)
            if self.is_ordered:
                return np.asarray(np.abs(span[:, None] - span) / max(size - 1, 1))
            return (1.0 - np.eye(size)) / max(size - 1, 1)
        out = np.ones((size, size))
        for level in range(len(self.groups) - 1, -1, -1):
            same = self.groups[level][:, None] == self.groups[level]
            out = np.where(same, self.group_loss[level][:, None], out)
        return out

    def label(self, codes: NDArray[np.int64]) -> str:
        """Returns the published label that covers the codes: a value, a node, a range `[a-b]` or a set `{a|b}`."""
        low, high = int(codes.min()), int(codes.max())
        if low == high:
            return self.values[low]
        if self.hierarchy is not None:
            for level in range(len(self.groups)):
                if self.groups[level][low] == self.groups[level][high]:
                    return self.hierarchy.rows[low][level]
        if self.is_ordered:
            return range_label(self.values, low, high)
        chosen = np.unique(codes)
        if chosen.size == len(self.values):
            return TOP
        return "{" + "|".join(self.values[code] for code in chosen) + "}"


def build_domain(column: str, counts: Mapping[str, int], spec: ColumnSpec) -> Domain:
    """Returns the domain of a column from the number of rows of each value.

    Raises:
        SpecError: the column has only nulls, or more values than a label table can hold.
        HierarchyError: the hierarchy is broken or lacks values.
    """
    if set(counts) <= {trees.MISSING}:
        raise SpecError(f"quasi-identifier {column!r} holds only nulls; leave it out of the release", column=column)
    if len(counts) > LARGEST_TABLE:
        raise SpecError(
            f"quasi-identifier {column!r} has {len(counts)} values, more than {LARGEST_TABLE}; it looks like an "
            "identifier or free text: make it `identifying`, or coarsen it (round, truncate) first",
            column=column,
        )
    tree = _hierarchy(column, counts, spec)
    if tree is not None:
        tree = tree.restrict(counts, column)
        return Domain(column, tree.leaves, tree, spec.is_ordered, spec.weight)
    values = tuple(sorted(counts, key=trees.sort_key))
    return Domain(column, values, None, spec.is_ordered, spec.weight)


def _hierarchy(column: str, counts: Mapping[str, int], spec: ColumnSpec) -> Hierarchy | None:
    known = {value: count for value, count in counts.items() if value != trees.MISSING}
    source = spec.hierarchy
    if source.kind == "file" and source.file is not None:
        return trees.read_hierarchy(source.file, column, source.delimiter)
    if source.kind == "intervals":
        return trees.intervals(known, source.widths, column)
    if source.kind == "dates":
        return trees.dates(known, column)
    if source.kind == "regions":
        return trees.regions(known, column)
    if source.kind == "automatic":
        return trees.automatic(known, source.fan_out, spec.is_ordered, column)
    return None
