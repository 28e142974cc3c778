"""Keeps what a site derives from its rows between rounds: bins, scores of the finished trees, validation rows."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from federated.schema import SiteTable
from federated.trees.edges import bucket_of

Floats = NDArray[np.float64]
TABLES_KEPT = 64
"""Tables whose derived values are kept: one for each site of a run in one process."""


@dataclass
class SiteRows:
    """Derived values of one table's rows. They depend on the rows and the public state only, so they are a cache.

    Attributes:
        is_validation: rows of customers that measure the loss and grow no tree.
    """

    is_validation: NDArray[np.bool_]
    _codes: NDArray[np.int64] | None = None
    _edges: bytes = b""
    _scores: tuple[bytes, Floats] | None = None

    def codes(self, features: Floats, edges: Floats) -> NDArray[np.int64]:
        """Returns the bin of each value."""
        if self._codes is None or self._edges != edges.tobytes():
            codes = bucket_of(features, edges)
            self._codes = codes.astype(np.min_scalar_type(edges.shape[1]))
            self._edges, self._scores = edges.tobytes(), None
        return self._codes

    def recall(self, trees: bytes) -> Floats | None:
        """Returns the scores kept for these trees, if any."""
        return self._scores[1] if self._scores is not None and self._scores[0] == trees else None

    def keep(self, trees: bytes, scores: Floats) -> None:
        """Keeps the scores of these trees for the next round."""
        self._scores = (trees, scores)


_KEPT: OrderedDict[tuple[bytes, int, float], SiteRows] = OrderedDict()


def site_rows(data: SiteTable, validation_share: float) -> SiteRows:
    """Returns the derived values of a table: those kept from an earlier round if the rows are the same.

    They hold bins and scores in the order of the rows, without customer ids, and only in the site's own memory.
    """
    features = np.ascontiguousarray(data.features)
    key = (sha256(features.data).digest(), hash(tuple(data.customer.tolist())), validation_share)
    rows = _KEPT.pop(key, None) or SiteRows(is_validation(data.customer, validation_share))
    _KEPT[key] = rows
    if len(_KEPT) > TABLES_KEPT:
        _KEPT.popitem(last=False)
    return rows


def is_validation(customer: NDArray[Any], share: float) -> NDArray[np.bool_]:
    """Tells for each row whether a hash of its customer falls into the validation share: all rows of one or none."""
    if share <= 0 or len(customer) == 0:
        return np.zeros(len(customer), dtype=np.bool_)
    unique, place = np.unique(customer, return_inverse=True)
    limit = int(share * 2**64)
    chosen = [
        int.from_bytes(blake2b(str(one).encode(), digest_size=8, person=b"validation").digest(), "big") < limit
        for one in unique.tolist()
    ]
    return np.array(chosen, dtype=np.bool_)[place]
