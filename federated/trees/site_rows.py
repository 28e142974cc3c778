"""Holds what a site derives from its rows between rounds: bins, scores of the finished trees, validation rows."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from federated.schema import SiteTable
from federated.trees.edges import bucket_of

Floats = NDArray[np.float64]


@dataclass
class SiteRows:
    """Derived values of one table's rows. They depend on the rows and the public state only, so they are a cache.

    Attributes:
        is_validation: rows of customers that measure the loss and grow no tree.
    """

    is_validation: NDArray[np.bool_]
    _codes: NDArray[np.int64] | None = None
    _edges: bytes = b""
    _scores: tuple[bytes, Floats] | None = field(default=None, repr=False)

    def codes(self, features: Floats, edges: Floats) -> NDArray[np.int64]:
        """Returns the bin of each value."""
        if self._codes is None or self._edges != edges.tobytes():
            self._codes, self._edges, self._scores = bucket_of(features, edges), edges.tobytes(), None
        return self._codes

    def recall(self, trees: bytes) -> Floats | None:
        """Returns the scores kept for these trees, if any."""
        return self._scores[1] if self._scores is not None and self._scores[0] == trees else None

    def keep(self, trees: bytes, scores: Floats) -> None:
        """Keeps the scores of these trees for the next round."""
        self._scores = (trees, scores)


_OF_TABLE: dict[tuple[int, float], tuple[weakref.ref[Any], SiteRows]] = {}


def site_rows(data: SiteTable, validation_share: float) -> SiteRows:
    """Returns the derived values of a table. They live as long as its feature array.

    A site that reads its table again each round has a new array, so erased customers leave no trace here.
    """
    key = (id(data.features), validation_share)
    known = _OF_TABLE.get(key)
    if known is not None and known[0]() is data.features:
        return known[1]
    rows = SiteRows(is_validation(data.customer, validation_share))
    _OF_TABLE[key] = (weakref.ref(data.features, lambda _: _OF_TABLE.pop(key, None)), rows)
    return rows


def is_validation(customer: NDArray[Any], share: float) -> NDArray[np.bool_]:
    """Tells for each row whether a hash of its customer falls into the validation share: all rows of one or none."""
    if share <= 0:
        return np.zeros(len(customer), dtype=np.bool_)
    unique, place = np.unique(customer, return_inverse=True)
    limit = int(share * 2**64)
    chosen = [
        int.from_bytes(blake2b(str(one).encode(), digest_size=8, person=b"validation").digest(), "big") < limit
        for one in unique.tolist()
    ]
    return np.array(chosen, dtype=np.bool_)[place]
