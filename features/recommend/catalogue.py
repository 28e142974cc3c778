"""The groups of the items: a narrow one, such as a product type, and a wide one, such as a product category."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from features.recommend.history import Ints


@dataclass(frozen=True)
class Grouping:
    """The group of each item as a number, in the order of the items."""

    codes: Ints
    count: int

    @cached_property
    def members(self) -> sparse.csr_matrix:
        """Items × groups, 1 where the item belongs to the group."""
        size = len(self.codes)
        return sparse.csr_matrix((np.ones(size), (np.arange(size), self.codes)), shape=(size, self.count))


@dataclass(frozen=True)
class Catalogue:
    """The items with their groups.

    Attributes:
        items: names, sorted; positions in it are the `item` of a history.
        narrow, wide: groupings, such as product type and product category.
    """

    items: tuple[str, ...]
    narrow: Grouping
    wide: Grouping

    @classmethod
    def of(cls, groups: Mapping[str, tuple[str | None, str | None]]) -> Catalogue:
        """Return the catalogue of items with the names of their narrow and wide group; None is a group of its own."""
        items = tuple(sorted(groups))
        return cls(items, _grouping([groups[one][0] for one in items]), _grouping([groups[one][1] for one in items]))


def _grouping(names: list[str | None]) -> Grouping:
    place = {name: position for position, name in enumerate(sorted(set(names), key=lambda one: (one is None, one)))}
    return Grouping(np.array([place[name] for name in names], dtype=np.int64), len(place))
