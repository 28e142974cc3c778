"""Finds which of many needles occur in bytes, texts or numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import ahocorasick_rs
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from privacy.protection.normal_form import DEFAULT_REGION
from privacy.protection.scan.needle import Needle, ScanError, fold, fold_text, forms, numbers

# Pieces of a large file overlap by this many bytes, so that no form is cut in two; forms are far shorter.
OVERLAP = 1 << 13
PIECE = 1 << 26


class Matcher:
    """Searches for all needles in one pass, whatever their number, by the algorithm of Aho and Corasick (1975)."""

    def __init__(self, needles: Iterable[Needle], region: str = DEFAULT_REGION) -> None:
        """Prepare the search.

        Args:
            needles: the values to search for.
            region: country of phone numbers that are written without a country code.

        Raises:
            ScanError: there are no needles, or a needle is too short.
        """
        owners: dict[bytes, set[str]] = {}
        integers: dict[int, set[str]] = {}
        for needle in needles:
            for form in forms(needle, region):
                owners.setdefault(form, set()).add(needle.name)
            for number in numbers(needle, region):
                integers.setdefault(number, set()).add(needle.name)
        if not owners:
            raise ScanError("There are no values to search for; give at least one needle.")
        self._names = [frozenset(names) for names in owners.values()]
        self._automaton = ahocorasick_rs.BytesAhoCorasick(
            list(owners), implementation=ahocorasick_rs.Implementation.ContiguousNFA
        )
        self._integers = {number: frozenset(names) for number, names in integers.items()}
        self._wanted = np.array(sorted(n for n in self._integers if n < 1 << 63), np.int64)

    def in_bytes(self, data: bytes | memoryview) -> Counter[str]:
        """Return how often each needle occurs in bytes of any form; needles that do not occur are left out."""
        found: Counter[str] = Counter()
        for start in range(0, max(len(data), 1), PIECE):
            found += self._search(fold(bytes(data[start : start + PIECE + OVERLAP])))
        return found

    def in_text(self, text: str) -> Counter[str]:
        """Return how often each needle occurs in a text, in any spelling."""
        return self._search(fold_text(text))

    def in_numbers(self, values: pa.Array) -> Counter[str]:
        """Return how often each needle occurs in a column of integers; null never matches."""
        if not len(self._wanted) or len(values) == values.null_count:
            return Counter()
        near = values.filter(
            pc.and_(pc.greater_equal(values, int(self._wanted[0])), pc.less_equal(values, int(self._wanted[-1])))
        )
        hits = pc.value_counts(near.filter(pc.is_in(near.cast(pa.int64()), value_set=pa.array(self._wanted))))
        found: Counter[str] = Counter()
        for hit in hits.to_pylist():
            found.update(dict.fromkeys(self._integers[int(hit["values"])], hit["counts"]))
        return found

    def _search(self, folded: bytes) -> Counter[str]:
        found: Counter[str] = Counter()
        for position, _, _ in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            found.update(self._names[position])
        return found
