"""Ids that stay: properties of reconcile, revert and a steward's links."""

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.identity.errors import HistoryError
from pipelines.identity.history import (
    IdentityState,
    most_restrictive,
    new_customer_id,
    reconcile,
    revert_event,
)

AT = datetime(2017, 1, 1, tzinfo=UTC)
KEYS = [f"r{n}" for n in range(8)]


def _counter():
    numbers = itertools.count()
    return lambda: f"c{next(numbers)}"


def _grouping(labels):
    groups = {}
    for key, label in zip(KEYS, labels, strict=True):
        groups.setdefault(label, []).append(key)
    return list(groups.values())


groupings = st.lists(st.integers(0, 4), min_size=len(KEYS), max_size=len(KEYS)).map(_grouping)


@settings(deadline=None)
@given(st.lists(groupings, min_size=2, max_size=4))
def test_reverting_restores_every_id(sequence):
    state, new_id, snapshots = IdentityState(), _counter(), []
    for groups in sequence:
        snapshots.append((len(state.events), dict(state.assignment)))
        reconcile(state, groups, new_id=new_id, at=AT)
    for length, before in reversed(snapshots):
        while len(state.events) > length:
            revert_event(state)
        assert state.assignment == before


@settings(deadline=None)
@given(groupings)
def test_merge_then_split_restores_the_ids(groups):
    state, new_id = IdentityState(), _counter()
    reconcile(state, groups, new_id=new_id, at=AT)
    before = dict(state.assignment)
    merged = reconcile(state, [KEYS], new_id=new_id, at=AT, reason="steward merged")
    for _ in merged:
        revert_event(state)
    assert state.assignment == before


@settings(deadline=None)
@given(groupings, groupings)
def test_rerun_changes_nothing_and_the_grouping_is_reached(first, second):
    state, new_id = IdentityState(), _counter()
    reconcile(state, first, new_id=new_id, at=AT)
    reconcile(state, second, new_id=new_id, at=AT)
    reached = {frozenset(state.members(c)) for c in set(state.assignment.values())}
    assert reached == {frozenset(g) for g in second}
    assert reconcile(state, reversed(second), new_id=new_id, at=AT) == []


def test_kinds_reason_and_evidence_are_recorded():
    state, new_id = IdentityState(), _counter()
    reconcile(state, [["a"], ["b", "c"]], new_id=new_id, at=AT)
    assert [e.kind for e in state.events] == ["create", "create"]
    (merge,) = reconcile(state, [["a", "b", "c"]], new_id=new_id, at=AT, reason="same phone", evidence={"weight": 9.5})
    assert (merge.kind, merge.reason, merge.evidence["weight"]) == ("merge", "same phone", 9.5)
    assert state.assignment["a"] == state.assignment["b"]
    (split,) = reconcile(state, [["a"], ["b", "c"]], new_id=new_id, at=AT)
    assert split.kind == "split"


def test_never_link_in_one_group_is_refused():
    state = IdentityState()
    state.declare_different("a", "b")
    with pytest.raises(HistoryError, match="1 never-link"):
        reconcile(state, [["a", "b"]], new_id=_counter(), at=AT)
    state.declare_same("a", "b")
    assert reconcile(state, [["a", "b"]], new_id=_counter(), at=AT)


def test_a_batch_leaves_other_customers_alone():
    state, new_id = IdentityState(), _counter()
    reconcile(state, [["a"], ["b"]], new_id=new_id, at=AT)
    reconcile(state, [["b", "c"]], new_id=new_id, at=AT, complete=False)
    assert state.assignment["a"] == "c0"
    assert state.assignment["b"] == state.assignment["c"]


def test_faults_are_refused():
    state = IdentityState()
    with pytest.raises(HistoryError, match="disjoint"):
        reconcile(state, [["a"], ["a"]], new_id=_counter(), at=AT)
    with pytest.raises(HistoryError, match="fresh"):
        reconcile(state, [["a"], ["b"]], new_id=lambda: "same", at=AT)
    with pytest.raises(HistoryError, match="empty"):
        revert_event(IdentityState())
    with pytest.raises(HistoryError, match="two different"):
        state.declare_same("a", "a")


@given(st.lists(st.sampled_from([True, False, None]), min_size=1), st.lists(st.sampled_from([True, False, None])))
def test_no_consent_is_gained_by_a_merge(one, other):
    merged = most_restrictive([*one, *other])
    # Whoever had a known decision against, or none of the two had one in favour, keeps the merged one from
    # permitting.
    assert merged <= (most_restrictive(one) or set(one) <= {None})
    assert merged <= (most_restrictive(other) or set(other) <= {None})
    if False in one or False in other:
        assert not merged


def test_ids_are_opaque_and_differ():
    assert len({new_customer_id() for _ in range(1000)}) == 1000
