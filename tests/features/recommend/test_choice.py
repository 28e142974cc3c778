"""The choice of a list against a plain search."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.recommend.choice import choose

CANDIDATES = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), max_size=14)


def plain(scores: list[int], is_new: list[bool], count: int, slots: int) -> list[int]:
    """Return the list by its rule: as long as new items are missing, the worst known one gives its place."""
    order = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    listed, waiting = order[:count], [place for place in order[count:] if is_new[place]]
    reserved: list[int] = []
    while waiting and sum(is_new[place] for place in listed) + len(reserved) < min(slots, count):
        listed.remove([place for place in listed if not is_new[place]][-1])
        reserved.append(waiting.pop(0))
    return listed + reserved


@settings(deadline=None, max_examples=400)
@given(CANDIDATES, st.integers(0, 16), st.integers(0, 16))
def test_it_is_that_of_a_plain_search(candidates: list[tuple[int, bool]], count: int, slots: int) -> None:
    scores, is_new = [one for one, _ in candidates], [new for _, new in candidates]
    found = choose(np.array(scores, np.float64), np.array(is_new, bool), count, slots)
    assert found.tolist() == plain(scores, is_new, count, slots)


def test_known_lists() -> None:
    score, is_new = np.array([5.0, 5.0, 4.0, 1.0, 0.0]), np.array([False, True, False, True, True])
    assert choose(score, is_new, 3, 0).tolist() == [0, 1, 2]
    assert choose(score, is_new, 3, 2).tolist() == [0, 1, 3]
    assert choose(score, is_new, 3, 9).tolist() == [1, 3, 4]
    assert choose(score, is_new, 9, 2).tolist() == [0, 1, 2, 3, 4]
    tied = np.array([1.0, 1.0, 0.0, -1.0]), np.array([True, False, False, True])
    assert choose(*tied, 3, 2).tolist() == [0, 1, 3]
