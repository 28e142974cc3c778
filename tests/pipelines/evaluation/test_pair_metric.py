"""Scores equal those of counting pairs one by one."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.evaluation.pair_metric import Score, cluster_score, count_pairs, pair_score

labels = st.integers(1, 12).flatmap(
    lambda n: st.tuples(*(st.lists(st.integers(0, 3), min_size=n, max_size=n) for _ in range(3)))
)


@given(labels)
def test_cluster_score_equals_counting_pairs_one_by_one(drawn):
    truth, group, source = (np.array(x) for x in drawn)
    pairs = [(i, j) for i, j in itertools.combinations(range(len(truth)), 2) if source[i] != source[j]]
    hits = sum(truth[i] == truth[j] and group[i] == group[j] for i, j in pairs)
    claimed, true = (sum(x[i] == x[j] for i, j in pairs) for x in (group, truth))
    assert cluster_score(truth, group, source) == Score.of(hits, claimed, true)
    assert count_pairs(truth, source) == true


def test_pair_score_gives_precision_and_recall_of_the_pairs():
    score = pair_score(np.array([0, 0, 0, 1]), np.array([0, 0]), np.array([1, 3]))
    assert (score.precision, score.recall) == (0.5, round(1 / 3, 6))
    assert Score.of(0, 0, 0).f1 == 1.0
