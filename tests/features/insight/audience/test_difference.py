"""Sizes that are told never differ by the data of fewer than K customers; an asker who tries learns nothing."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.insight.audience.difference import Mask, Selected, is_near_identical, rounded_down
from features.insight.group_size import K


def mask(*members: int, of: int = 60) -> Mask:
    found = np.zeros(of, dtype=np.bool_)
    found[list(members)] = True
    return found


EVERYBODY = mask(*range(60))


def selected(*members: int, permitted: Mask = EVERYBODY) -> Selected:
    return Selected(mask(*members) & permitted, permitted)


def test_a_group_is_refused_beside_one_that_differs_by_fewer_than_k_people() -> None:
    group = selected(*range(30))
    for count, is_refused in ((0, True), (1, True), (K - 1, True), (K, False)):
        other = selected(*range(count, 30))
        assert is_near_identical(other, [group]) is is_refused
        assert is_near_identical(other, []) is False


def test_a_complement_is_refused_like_the_group_itself() -> None:
    group = selected(*range(30))
    assert is_near_identical(selected(*range(31, 60)), [group])
    # The complement within the people who permit the purpose of the earlier group, and of the new one.
    fewer = mask(*range(45))
    assert is_near_identical(selected(*range(31, 45)), [selected(*range(30), permitted=fewer)])
    assert is_near_identical(selected(*range(31, 60), permitted=fewer), [group])


def test_everybody_but_a_few_is_refused_and_a_few_are_reported_as_none() -> None:
    assert is_near_identical(selected(*range(K - 1, 60)), [])
    assert not is_near_identical(selected(*range(K - 1)), [selected(*range(K - 1))])
    assert rounded_down(K - 1) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sets(st.integers(0, 59), max_size=60), max_size=12))
def test_no_two_answered_groups_or_complements_differ_by_a_few(groups: list[set[int]]) -> None:
    answered: list[Selected] = []
    for group in groups:
        asked = selected(*group)
        if not is_near_identical(asked, answered):
            answered.append(asked)
    large = [one.members for one in answered if one.members.sum() >= K]
    for one, other in combinations(large, 2):
        assert (one ^ other).sum() >= K
        assert (one ^ ~other).sum() >= K


def test_an_asker_cannot_tell_a_secret_from_two_sizes() -> None:
    """A ∧ ¬(the one known person with the secret): answered or refused in the same way with and without the secret."""
    whole, without = selected(*range(40)), selected(*range(1, 40))
    outcomes = []
    for is_secret in (True, False):
        asked = without if is_secret else whole
        outcomes.append("refused" if is_near_identical(asked, [whole]) else rounded_down(int(asked.members.sum())))
    assert outcomes == ["refused", "refused"]

    # The negative control: sizes alone, without refusal, tell the secret.
    assert [rounded_down(int(one.members.sum())) for one in (without, whole)] == [30, 40]
