"""Gives the segments of a new model the ids of the former segments whose customers they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LEAST_SHARE = 0.3
"""Customers in both segments, as a share of those in either, from which a new segment is the former one."""


@dataclass(frozen=True)
class Match:
    """Ids of the new segments, and the adjusted Rand index of both divisions; None without a former one."""

    names: Mapping[str, str]
    agreement: float | None


def match_segments(former: Sequence[str], new: Sequence[str], segments: Sequence[str], used: int) -> Match:
    """Return the ids of new segments.

    The pairs of former and new segments are those with the most customers in common, taken together (H. Kuhn 1955).
    A segment without such a pair gets a number that no segment has had. Example: of former s1 and s2, a new segment has
    all customers of s2 and another has half of s1; with used = 2 they become s2 and s1, and a third becomes s3.

    Args:
        former: the former segment of each customer who has one.
        new: the new segment of the same customers, under a temporary name.
        segments: the temporary names of all new segments.
        used: highest number that a segment has had.
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics import adjusted_rand_score

    olds, news = sorted(set(former)), list(segments)
    names: dict[str, str] = {}
    if former:
        common = np.zeros((len(olds), len(news)))
        np.add.at(common, ([olds.index(one) for one in former], [news.index(one) for one in new]), 1)
        union = common.sum(axis=1)[:, None] + common.sum(axis=0)[None, :] - common
        for old, made in zip(*linear_sum_assignment(-common), strict=True):
            if common[old, made] >= LEAST_SHARE * union[old, made]:
                names[news[made]] = olds[old]
    for name in news:
        if name not in names:
            used += 1
            names[name] = f"s{used}"
    return Match(names, float(adjusted_rand_score(former, new)) if former else None)
