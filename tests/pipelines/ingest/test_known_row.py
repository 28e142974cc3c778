from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest import known_row
from pipelines.ingest.known_row import Hashes, find_known

# Few values, so that lanes agree by themselves and together; and the extremes, which the ranges must reach.
LANES = st.sampled_from([0, 1, 2, 2**63, 2**64 - 1])
PAIRS = st.lists(st.tuples(LANES, LANES), max_size=30)


def batches(pairs: list[tuple[int, int]], size: int) -> Iterator[Hashes]:
    for start in range(0, len(pairs), size):
        part = pairs[start : start + size]
        yield np.array([low for low, _ in part], np.uint64), np.array([high for _, high in part], np.uint64)


def by_counting(fresh: list[tuple[int, int]], known: list[tuple[int, int]]) -> list[bool]:
    left = Counter(known)
    result = []
    for pair in fresh:
        result.append(left[pair] > 0)
        left[pair] -= 1
    return result


@pytest.mark.parametrize("at_once", [1 << 23, 4])
def test_only_the_first_of_equal_rows_is_kept(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(known_row, "ROWS_PER_PART", at_once)

    @given(PAIRS, PAIRS, st.integers(1, 7))
    def check(fresh: list[tuple[int, int]], known: list[tuple[int, int]], size: int) -> None:
        found = find_known(batches(fresh, size), len(fresh), batches(known, size), is_unique=True)
        assert found.tolist() == [pair in known or pair in fresh[:place] for place, pair in enumerate(fresh)]

    check()


@pytest.mark.parametrize("at_once", [1 << 23, 4])
def test_known_rows_are_the_multiset_intersection(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(known_row, "ROWS_PER_PART", at_once)
    monkeypatch.setattr(known_row, "HASHES_PER_SEARCH", at_once)

    @given(PAIRS, PAIRS, st.integers(1, 7))
    def check(fresh: list[tuple[int, int]], known: list[tuple[int, int]], size: int) -> None:
        found = find_known(batches(fresh, size), len(fresh), batches(known, size))
        assert found.tolist() == by_counting(fresh, known)

    check()
