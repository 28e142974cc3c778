"""Computes the figures of the two charts of a matching: pairs above each threshold, and people by number of records.

The results are plain values; `identity_chart` draws them. The waterfall chart of one pair is in
`pipelines.matching.explanation`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.matching.scoring import ScoredPairs

# Log2 odds at which pairs are counted, from the lowest weight that is scored to certainty.
THRESHOLDS = tuple(range(-8, 33))


@dataclass(frozen=True, slots=True)
class ThresholdPoint:
    """One point of the threshold chart.

    Attributes:
        threshold: log2 odds.
        probability: the threshold as the probability that both records are one person.
        pairs: scored pairs above the threshold.
        expected_wrong: number of those pairs that the model expects to be two people: the sum of 1 - probability.
    """

    threshold: float
    probability: float
    pairs: int
    expected_wrong: float


@dataclass(frozen=True, slots=True)
class ClusterSize:
    """The number of people that have a given number of records."""

    records: int
    people: int


def count_pairs_by_threshold(
    pairs: ScoredPairs, thresholds: Sequence[float] = THRESHOLDS
) -> tuple[ThresholdPoint, ...]:
    """Return for each threshold the number of pairs above it, and how many of them are expected to be wrong.

    >>> pairs = ScoredPairs(np.array([0, 0]), np.array([1, 2]), np.array([3.0, -1.0]))
    >>> [(p.threshold, p.pairs, p.expected_wrong) for p in count_pairs_by_threshold(pairs, [-2, 0, 5])]
    [(-2, 2, 0.778), (0, 1, 0.111), (5, 0, 0.0)]
    """
    ascending = np.sort(pairs.weight)
    wrong = 1.0 / (1.0 + np.exp2(np.clip(ascending, -60, 60)))
    wrong_from = np.concatenate([np.cumsum(wrong[::-1])[::-1], [0.0]])
    above = np.searchsorted(ascending, thresholds, side="right")
    return tuple(
        ThresholdPoint(
            threshold,
            round(1.0 / (1.0 + 2.0**-threshold), 6),
            len(ascending) - int(first),
            round(float(wrong_from[first]), 3),
        )
        for threshold, first in zip(thresholds, above, strict=True)
    )


def count_people_by_size(group: NDArray[np.int64]) -> tuple[ClusterSize, ...]:
    """Return the number of people by their number of records, from the group of each record.

    >>> count_people_by_size(np.array([0, 0, 2, 3]))
    (ClusterSize(records=1, people=2), ClusterSize(records=2, people=1))
    """
    sizes = np.unique(group, return_counts=True)[1]
    return tuple(ClusterSize(int(s), int(n)) for s, n in zip(*np.unique(sizes, return_counts=True), strict=True))


def chart_data(pairs: ScoredPairs, group: NDArray[np.int64]) -> dict[str, list[dict[str, Any]]]:
    """Return both charts as JSON values: `pairs_by_threshold` and `people_by_size`."""
    return {
        "pairs_by_threshold": [asdict(point) for point in count_pairs_by_threshold(pairs)],
        "people_by_size": [asdict(size) for size in count_people_by_size(group)],
    }
