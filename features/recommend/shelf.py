"""The items that can be recommended, in memory: rows of gold/recommended_item, read anew when the table has changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.recommend.context import CONTEXTS
from features.recommend.form import ITEM, ITEM_SCHEMA
from features.recommend.history import Floats
from features.recommend.objective import Objective
from installation.lakehouse.lakehouse import Lakehouse

_NEVER = 1e-9
"""Popularity below that of any item that somebody bought."""
LOOK_SECONDS = 5.0
"""How often it is asked whether the table has changed. A run writes it once a day."""


@dataclass(frozen=True)
class Shelf:
    """The items of one version of the table; arrays have one entry an item.

    Attributes:
        place: position of each item by its id.
        items: ids.
        types, categories: names of the groups; None where unknown.
        prices: USD; nan where unknown.
        popularity: logarithm of the share of customers who bought the item lately.
        traits: price, quality and convenience by name.
        lifts: items × contexts.
    """

    place: dict[str, int]
    items: tuple[str, ...]
    types: tuple[str | None, ...]
    categories: tuple[str | None, ...]
    prices: Floats
    popularity: Floats
    traits: dict[str, Floats]
    lifts: Floats

    @classmethod
    def of(cls, rows: pa.Table) -> Shelf:
        """Return the shelf of rows of gold/recommended_item."""
        rows = rows.sort_by("item_id")
        items = tuple(rows["item_id"].to_pylist())
        lifts = np.zeros((len(items), len(CONTEXTS)))
        column = rows["context_lifts"].combine_chunks()
        lifts[np.flatnonzero(column.is_valid())] = column.flatten().to_numpy().reshape(-1, len(CONTEXTS))
        return cls(
            {one: position for position, one in enumerate(items)}, items,
            tuple(rows["product_type"].to_pylist()), tuple(rows["product_category"].to_pylist()),
            rows["price"].to_numpy(), np.log(np.maximum(rows["popularity"].to_numpy(), _NEVER)),
            {name: rows[f"{name}_trait"].to_numpy() for name in ("price", "quality", "convenience")},
            lifts,
        )  # fmt: skip

    def popular(self, objective: Objective, context: int) -> list[int]:
        """Return the positions of the items that were bought lately: by popularity, the context and the objective."""
        score = self.popularity + objective.bonus(self.traits) + self.lifts[:, context]
        order = np.argsort(-score, kind="stable")
        return [int(one) for one in order[self.popularity[order] > np.log(_NEVER)]]


class ShelfReader:
    """Returns the newest shelf. Safe under threads."""

    def __init__(self, lakehouse: Lakehouse, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._lakehouse, self._monotonic = lakehouse, monotonic
        self._lock = threading.Lock()
        self._looked_at: float | None = None
        self._version: int | None = None
        self._shelf = Shelf.of(ITEM_SCHEMA.empty_table())

    def newest(self) -> Shelf:
        """Return the shelf; an empty one before the first run.

        Raises:
            LakehouseError: the table cannot be read.
        """
        now = self._monotonic()
        if self._looked_at is not None and now - self._looked_at < LOOK_SECONDS:
            return self._shelf
        with self._lock:
            if self._lakehouse.exists(ITEM) and (version := self._lakehouse.version(ITEM)) != self._version:
                self._shelf = Shelf.of(self._lakehouse.rows(ITEM, list(ITEM_SCHEMA.names)))
                self._version = version
            self._looked_at = now
        return self._shelf
