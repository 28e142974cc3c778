"""Precision, recall and F1 of matched pairs and of clusters, computed from the true person of each record."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Score:
    """Precision, recall and F1 of pairs.

    Attributes:
        precision: share of the predicted pairs that are true.
        recall: share of the true pairs that are predicted.
        f1: harmonic mean of both.
    """

    precision: float
    recall: float
    f1: float

    @classmethod
    def of(cls, hits: int, predicted: int, true: int) -> "Score":
        """Return the score of `hits` true pairs among the predicted ones; without pairs precision and recall are 1.

        Args:
            hits: number of predicted pairs that are true.
            predicted: number of predicted pairs.
            true: number of true pairs.
        """
        precision = hits / predicted if predicted else 1.0
        recall = hits / true if true else 1.0
        both = precision + recall
        return cls(round(precision, 6), round(recall, 6), round(2 * precision * recall / both if both else 0.0, 6))

    def as_dict(self) -> dict[str, float]:
        """Return precision, recall and F1 by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class CaseScore:
    """Score of the people of one case that makes recognition difficult, such as twins.

    Attributes:
        people: number of people.
        wrong: share of the people who have a record in a group with another person's record.
        lost: share of the pairs of records of these people that are in two groups.
    """

    people: int
    wrong: float
    lost: float


def case_scores(truth: Ints, group: Ints, case: pd.Series) -> dict[str, CaseScore]:
    """Return the score of each case. `case` has the case of each record's person, null for most.

    >>> case_scores(np.array([1, 1, 2]), np.array([1, 1, 1]), pd.Series(["twins", "twins", None]))
    {'twins': CaseScore(people=1, wrong=1.0, lost=0.0)}
    """
    frame = pd.DataFrame({"truth": truth, "group": group, "case": case.to_numpy(object)})
    frame["is_mixed"] = frame.groupby("group")["truth"].transform("nunique") > 1
    found = {}
    for name, records in frame.dropna(subset="case").groupby("case"):
        people = records.groupby("truth")["is_mixed"].any()
        together = count_pairs(_crossed(records["truth"].to_numpy(), records["group"].to_numpy()))
        pairs = count_pairs(records["truth"].to_numpy())
        lost = 1 - together / pairs if pairs else 0.0
        found[str(name)] = CaseScore(len(people), round(float(people.mean()), 6), round(lost, 6))
    return found


def count_pairs(label: Ints, source: Ints | None = None) -> int:
    """Return the number of pairs of records with equal labels; with `source`, only of pairs from different sources."""
    _, sizes = np.unique(label, return_counts=True)
    total = int((sizes * (sizes - 1) // 2).sum())
    return total - count_pairs(_crossed(label, source)) if source is not None else total


def pair_score(truth: Ints, left: Ints, right: Ints, source: Ints | None = None) -> Score:
    """Return the score of predicted pairs (each given once) against the true person of each record."""
    hits = int((truth[left] == truth[right]).sum())
    return Score.of(hits, len(left), count_pairs(truth, source))


def cluster_score(truth: Ints, group: Ints, source: Ints | None = None) -> Score:
    """Return the score of all pairs of records in one group against the true person of each record."""
    hits = count_pairs(_crossed(truth, group), source)
    return Score.of(hits, count_pairs(group, source), count_pairs(truth, source))


def _crossed(first: Ints, second: Ints) -> Ints:
    """Return a combined label: it is equal for two records only if both of their labels are equal."""
    a, b = (np.unique(x, return_inverse=True)[1].astype(np.int64) for x in (first, second))
    return np.asarray(a * (int(b.max()) + 1 if len(b) else 1) + b)
