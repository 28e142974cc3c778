"""Segments keep their ids over refits, whatever the order in which k-means numbers them."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.insight.segment.matching import match_segments


@given(st.permutations(["1", "2", "3", "4"]), st.integers(0, 1000))
def test_the_same_segments_under_other_numbers_keep_their_ids(numbers: list[str], seed: int) -> None:
    former = [f"s{n}" for n in np.random.default_rng(seed).integers(1, 5, 80)] + ["s1", "s2", "s3", "s4"]
    renamed = dict(zip(["s1", "s2", "s3", "s4"], numbers, strict=True))
    match = match_segments(former, [renamed[one] for one in former], sorted(numbers), used=4)
    assert dict(match.names) == {new: old for old, new in renamed.items()}
    assert match.agreement == 1.0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("123")), min_size=5, max_size=40))
def test_the_pairs_have_the_most_customers_in_common(pairs: list[tuple[str, str]]) -> None:
    """All assignments are tried by brute force."""
    former, new = [one for one, _ in pairs], [one for _, one in pairs]
    match = match_segments(former, new, ["1", "2", "3"], used=0)
    kept = {made: old for made, old in match.names.items() if old in "abc"}
    best = max(
        sum(pairs.count((old, made)) for old, made in zip(order, "123", strict=True)) for order in permutations("abc")
    )
    common = sum(pairs.count((old, made)) for made, old in kept.items())
    # Pairs below the least share are not kept, so the kept ones reach at most the best.
    assert common <= best
    assert len(set(match.names.values())) == 3


def test_a_segment_without_a_former_one_gets_a_number_that_none_has_had() -> None:
    former, new = ["s1"] * 10 + ["s2"] * 10, ["1"] * 5 + ["2"] * 5 + ["3"] * 10
    match = match_segments(former, new, ["1", "2", "3", "4"], used=7)
    assert match.names["3"] == "s2"
    assert sorted(match.names.values()) == ["s1", "s2", "s8", "s9"]


def test_segments_that_share_few_customers_are_other_segments() -> None:
    former = ["s1"] * 50 + ["s2"] * 50
    new = (["1"] * 10 + ["2"] * 10 + ["3"] * 10 + ["4"] * 10 + ["5"] * 10) * 2
    names = match_segments(former, new, list("12345"), used=2).names
    assert not set(names.values()) & {"s1", "s2"}


def test_the_first_segments_are_numbered_from_one() -> None:
    match = match_segments([], [], ["1", "2"], used=0)
    assert dict(match.names) == {"1": "s1", "2": "s2"}
    assert match.agreement is None
