"""Clustering equals a brute-force oracle and keeps its constraints."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.matching.cluster import UNSEEN_WEIGHT, WEIGHT_CAP, Constraints, cluster, components


@st.composite
def graphs(draw):
    size = draw(st.integers(2, 9))
    pairs = list(itertools.combinations(range(size), 2))
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=len(pairs)))
    # Distinct weights, because ties allow several right answers; multiples of 2^-20, as `cluster` rounds to them.
    weight = st.integers(-20 * 2**20, 20 * 2**20).map(lambda steps: steps / 2**20)
    weights = draw(st.lists(weight, unique=True, min_size=len(chosen), max_size=len(chosen)))
    return size, chosen, weights


def _arrays(chosen, weights):
    pairs = np.array(chosen, dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1], np.array(weights, dtype=float)


def _brute_force(size, chosen, weights, never=()):
    """Join the best pair of groups, one at a time, comparing every pair of records."""
    matrix = np.full((size, size), UNSEEN_WEIGHT)
    for (a, b), w in zip(chosen, weights, strict=True):
        matrix[a, b] = matrix[b, a] = np.clip(w, -WEIGHT_CAP, WEIGHT_CAP)
    for a, b in never:
        matrix[a, b] = matrix[b, a] = -np.inf
    groups = [{i} for i in range(size)]
    while len(groups) > 1:
        means = {
            (i, j): float(np.mean([matrix[a, b] for a in groups[i] for b in groups[j]]))
            for i, j in itertools.combinations(range(len(groups)), 2)
        }
        (i, j), best = max(means.items(), key=lambda m: m[1])
        if not best > 1e-9:
            break
        groups[i] |= groups.pop(j)
    return {frozenset(g) for g in groups}


def _groups(labels):
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


@settings(max_examples=200)
@given(graphs())
def test_groups_equal_those_of_brute_force_average_linkage(graph):
    size, chosen, weights = graph
    clipped = [w for w in weights if -WEIGHT_CAP < w < WEIGHT_CAP]
    if len(clipped) < len(weights):  # clipping makes ties
        chosen, weights = chosen[: len(clipped)], clipped
    got = cluster(size, *_arrays(chosen, weights), threshold=1e-9)
    assert _groups(got) == _brute_force(size, chosen, weights)


@settings(max_examples=200)
@given(graphs(), st.data())
def test_cannot_link_is_never_violated_and_overrides_must_link(graph, data):
    size, chosen, weights = graph
    pairs = list(itertools.combinations(range(size), 2))
    never = data.draw(st.lists(st.sampled_from(pairs), unique=True, max_size=4))
    must = data.draw(
        st.lists(st.sampled_from([p for p in pairs if p not in never] or [pairs[0]]), unique=True, max_size=4)
    )
    constraints = Constraints(
        np.array(must, dtype=np.int64).reshape(-1, 2), np.array(never, dtype=np.int64).reshape(-1, 2)
    )
    got = cluster(size, *_arrays(chosen, weights), constraints)
    assert all(got[a] != got[b] for a, b in never)
    if not never:
        assert all(got[a] == got[b] for a, b in must)


def test_a_weak_link_does_not_join_two_people():
    people = list(itertools.combinations(range(4), 2)) + list(itertools.combinations(range(4, 8), 2))
    chosen, weights = [*people, (3, 4)], [10.0] * len(people) + [3.0]
    assert _groups(cluster(8, *_arrays(chosen, weights))) == {frozenset(range(4)), frozenset(range(4, 8))}
    # Negative control: connected components join them.
    assert len(np.unique(components(8, *_arrays(chosen, weights)[:2]))) == 1


def test_a_group_has_at_most_one_record_of_an_exclusive_source():
    got = cluster(3, *_arrays([(0, 2), (1, 2)], [9.0, 8.0]), Constraints(exclusive_source=np.array([0, 0, 1])))
    assert got.tolist() == [0, 1, 0]


def test_too_many_exclusive_sources_are_refused():
    with pytest.raises(ValueError, match="at most 62"):
        cluster(2, *_arrays([], []), Constraints(exclusive_source=np.array([0, 99])))


def test_without_pairs_each_record_is_its_own_group():
    assert cluster(3, *_arrays([], [])).tolist() == [0, 1, 2]


@settings(max_examples=100)
@given(st.data())
def test_with_an_order_of_ties_the_order_of_the_records_does_not_change_the_groups(data) -> None:
    """Weights of whole bits make ties everywhere."""
    size = data.draw(st.integers(2, 8))
    pairs = list(itertools.combinations(range(size), 2))
    weights = data.draw(st.lists(st.integers(-6, 6), min_size=len(pairs), max_size=len(pairs)))
    place = np.array(data.draw(st.permutations(range(size))), dtype=np.int64)
    left, right, weight = _arrays(pairs, weights)
    never = np.array(pairs[:1], dtype=np.int64)
    source = np.arange(size, dtype=np.int64) % 5
    moved = np.empty_like(source)
    moved[place] = source
    plain = cluster(size, left, right, weight, Constraints(cannot_link=never, exclusive_source=source))
    order = np.empty(size, dtype=np.int64)
    order[place] = np.arange(size)
    limits = Constraints(cannot_link=place[never], exclusive_source=moved)
    shuffled = cluster(size, place[left], place[right], weight, limits, ties=order)
    assert _groups(shuffled[place]) == _groups(plain)
    assert (shuffled == [min(np.flatnonzero(shuffled == name)) for name in shuffled]).all()


def test_without_an_order_of_ties_the_order_of_the_records_changes_the_groups() -> None:
    """Negative control: the same tie is decided in two ways."""
    first = cluster(3, *_arrays([(0, 1), (0, 2), (1, 2)], [5, 5, -9]))
    second = cluster(3, *_arrays([(0, 2), (0, 1), (1, 2)], [5, 5, -9]))
    assert _groups(first) == _groups(second), "the order of the pairs never mattered"
    place = np.array([0, 2, 1])
    renamed = cluster(3, *_arrays([(0, 2), (0, 1), (1, 2)], [5, 5, -9]))[place]
    assert _groups(renamed) != _groups(first)
