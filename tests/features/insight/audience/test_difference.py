"""Sizes that are told never differ by the data of fewer than K customers, and refusals do not count them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.insight.audience.difference import MOST, Mask, Selected, SizeAudit
from features.insight.group_size import K, told_size

AUDIT = SizeAudit(b"a secret of a test")
PEOPLE = 6 * MOST


def mask(*members: int, of: int = PEOPLE) -> Mask:
    found = np.zeros(of, dtype=np.bool_)
    found[list(members)] = True
    return found


EVERYBODY = mask(*range(PEOPLE))


def selected(*members: int, permitted: Mask = EVERYBODY, name: str | None = None) -> Selected:
    return Selected(name or str(sorted(members)), mask(*members) & permitted, permitted)


def test_a_group_is_refused_beside_one_that_differs_by_fewer_people_than_their_bound() -> None:
    group = selected(*range(3 * MOST), name="group")
    bound = AUDIT.bound("group", "other")
    assert K <= bound <= MOST
    for count, is_refused in ((0, True), (1, True), (K - 1, True), (bound - 1, True), (bound, False)):
        other = selected(*range(count, 3 * MOST), name="other")
        assert AUDIT.is_near_identical(other, [group]) is is_refused
        assert AUDIT.is_near_identical(other, []) is False


def test_a_bound_is_the_same_in_each_call_and_in_any_order_and_differs_between_rules_and_installations() -> None:
    bounds = [AUDIT.bound("a", str(n)) for n in range(500)]
    assert bounds == [AUDIT.bound(str(n), "a") for n in range(500)]
    assert bounds != [SizeAudit(b"another secret").bound("a", str(n)) for n in range(500)]
    assert min(bounds) >= K
    assert max(bounds) <= MOST
    # One customer more or less changes the chance of a refusal by at most 1 / K: no bound is more frequent than that.
    assert max(np.bincount(bounds)) / 500 < 1 / K + 5 * np.sqrt(0.09 / 500)


def test_a_complement_is_refused_like_the_group_itself() -> None:
    half = PEOPLE // 2
    group = selected(*range(half))
    assert AUDIT.is_near_identical(selected(*range(half + 1, PEOPLE)), [group])
    # The complement within the people who permit the purpose of the earlier group, and of the new one.
    fewer = mask(*range(half + MOST))
    assert AUDIT.is_near_identical(selected(*range(half + 1, half + MOST)), [selected(*range(half), permitted=fewer)])
    assert AUDIT.is_near_identical(selected(*range(half + 1, PEOPLE), permitted=fewer), [group])


def test_everybody_but_a_few_is_refused_and_a_few_are_reported_as_none() -> None:
    assert AUDIT.is_near_identical(selected(*range(K - 1, PEOPLE)), [])
    few = selected(*range(K - 1))
    assert AUDIT.told(few) == 0
    assert not AUDIT.is_near_identical(few, [few])
    assert AUDIT.told(selected(*range(MOST))) == told_size(MOST)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sets(st.integers(0, PEOPLE - 1), max_size=PEOPLE), max_size=12))
def test_no_two_answered_groups_or_complements_differ_by_a_few(groups: list[set[int]]) -> None:
    answered: list[Selected] = []
    for group in groups:
        asked = selected(*group)
        if not AUDIT.is_near_identical(asked, answered):
            answered.append(asked)
    large = [one.members for one in answered if AUDIT.told(one)]
    for one, other in combinations(large, 2):
        assert (one ^ other).sum() >= K
        assert (one ^ ~other).sum() >= K


@settings(max_examples=200, deadline=None)
@given(
    st.sets(st.integers(0, PEOPLE - 1)),
    st.sets(st.integers(0, 40), max_size=K - 1),
    st.sets(st.integers(0, 40), max_size=K - 1),
)
def test_a_refusal_does_not_tell_who_is_in_a_group_whose_size_is_zero(
    new: set[int], one: set[int], two: set[int]
) -> None:
    """Fails if a small group is compared: 10 customers and a group of one of them differ by 9."""
    asked = selected(*new, *range(MOST), name="asked")
    without = [AUDIT.is_near_identical(asked, [selected(*small, name="small")]) for small in (one, two, set())]
    assert len(set(without)) == 1


def test_an_asker_cannot_tell_a_secret_from_two_sizes() -> None:
    """A ∧ ¬(the one known person with the secret): answered or refused in the same way with and without the secret."""
    whole, without = selected(*range(4 * K)), selected(*range(1, 4 * K))
    outcomes = []
    for is_secret in (True, False):
        asked = without if is_secret else whole
        outcomes.append("refused" if AUDIT.is_near_identical(asked, [whole]) else AUDIT.told(asked))
    assert outcomes == ["refused", "refused"]

    # The negative control: sizes alone, without refusal, tell the secret.
    assert [told_size(int(one.members.sum())) for one in (without, whole)] == [30, 40]


@dataclass(frozen=True)
class FixedAudit(SizeAudit):
    """Decides by K alone, as a rule without a secret would."""

    def bound(self, *digests: str) -> int:
        return K


def _guess(audit: SizeAudit, group: list[int], target: list[int]) -> bool:
    """Guess whether a rule selects anybody: find where a growing group gets a size, and add the rule just before."""
    few, many = 0, len(group)
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if audit.told(selected(*group[:middle])) else (middle, many)
    return audit.told(selected(*group[:few], *target, name="with the target")) > 0


def test_an_asker_who_counts_by_refusals_guesses_a_secret_no_better_than_by_chance() -> None:
    hits = {"fixed": 0, "drawn": 0}
    tries = 300
    for number in range(tries):
        is_secret, group = number % 2 == 0, list(range(1, 4 * MOST))
        for name, audit in (("fixed", FixedAudit(b"")), ("drawn", SizeAudit(number.to_bytes(4)))):
            hits[name] += _guess(audit, group, [0] if is_secret else []) is is_secret
    assert hits["fixed"] == tries
    assert abs(hits["drawn"] / tries - 0.5) < 0.15
