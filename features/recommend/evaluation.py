"""Quality of recommended lists against what the customers bought later: NDCG, recall, and paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from features.recommend.history import Floats, PurchaseHistory

CUT = 10
_RESAMPLES = 2000


def bought_items(later: PurchaseHistory) -> dict[int, set[int]]:
    """Return the positions of the items that each customer bought."""
    found: dict[int, set[int]] = {}
    for customer, item in zip(later.customer.tolist(), later.item.tolist(), strict=True):
        found.setdefault(customer, set()).add(item)
    return found


def ndcg(listed: Sequence[int], bought: set[int], cut: int = CUT) -> float:
    """Return Σ 1/log₂(rank + 1) over the listed items that were bought, divided by the best possible sum.

    `bought` must not be empty. Only the first `cut` items count (Järvelin and Kekäläinen, 2002, binary relevance).
    """
    gain = sum(1 / np.log2(rank + 2) for rank, item in enumerate(listed[:cut]) if item in bought)
    return float(gain / sum(1 / np.log2(rank + 2) for rank in range(min(cut, len(bought)))))


def ndcg_of(lists: Mapping[int, Sequence[int]], bought: Mapping[int, set[int]], cut: int = CUT) -> Floats:
    """Return the NDCG of every customer of `bought`, in its order; 0 for one without a list."""
    return np.array([ndcg(lists.get(customer, ()), items, cut) for customer, items in bought.items()])


def recall_of(candidates: Mapping[int, set[int]], bought: Mapping[int, set[int]]) -> float:
    """Return the share of the items bought later that are candidates, the mean over customers."""
    shares = [len(items & candidates.get(customer, set())) / len(items) for customer, items in bought.items()]
    return float(np.mean(shares)) if shares else 0.0


@dataclass(frozen=True)
class Difference:
    """A mean difference over customers with its 95 % interval."""

    mean: float
    low: float
    high: float


def paired_difference(ours: Floats, theirs: Floats, seed: int = 0) -> Difference:
    """Return the mean of `ours` − `theirs` with a percentile bootstrap over customers."""
    gap = ours - theirs
    random = np.random.default_rng(seed)
    means = [gap[random.integers(0, len(gap), len(gap))].mean() for _ in range(_RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return Difference(float(gap.mean()), float(low), float(high))
