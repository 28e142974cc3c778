"""Precision, recall and F1 of pairs and of clusters, from integer labels."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Score:
    """Share of the claimed pairs that are true, share of the true pairs that are claimed, and their harmonic
    mean.
    """

    precision: float
    recall: float
    f1: float

    @classmethod
    def of(cls, hits: int, claimed: int, true: int) -> "Score":
        """Score from counts; nothing claimed is perfectly precise, nothing to find is perfectly recalled."""
        precision = hits / claimed if claimed else 1.0
        recall = hits / true if true else 1.0
        both = precision + recall
        return cls(round(precision, 6), round(recall, 6), round(2 * precision * recall / both if both else 0.0, 6))

    def as_dict(self) -> dict[str, float]:
        """Return the three numbers by name."""
        return asdict(self)


def count_pairs(label: Ints, source: Ints | None = None) -> int:
    """Count pairs of records with one label; with `source`, only pairs from different sources."""
    _, sizes = np.unique(label, return_counts=True)
    total = int((sizes * (sizes - 1) // 2).sum())
    return total - count_pairs(_crossed(label, source)) if source is not None else total


def pair_score(truth: Ints, left: Ints, right: Ints, source: Ints | None = None) -> Score:
    """Score claimed pairs (each once) against the true person of each record."""
    hits = int((truth[left] == truth[right]).sum())
    return Score.of(hits, len(left), count_pairs(truth, source))


def cluster_score(truth: Ints, group: Ints, source: Ints | None = None) -> Score:
    """Score the pairs that share a group, the transitive answer, against the true person of each record."""
    hits = count_pairs(_crossed(truth, group), source)
    return Score.of(hits, count_pairs(group, source), count_pairs(truth, source))


def _crossed(first: Ints, second: Ints) -> Ints:
    """Label each combination of two labels."""
    a, b = (np.unique(x, return_inverse=True)[1].astype(np.int64) for x in (first, second))
    return np.asarray(a * (int(b.max()) + 1 if len(b) else 1) + b)
