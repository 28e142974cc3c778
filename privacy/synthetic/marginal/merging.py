"""Merges rare values of a column, so that a model learns what they have in common and nothing about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from privacy.synthetic.category_coding import CategoryCoding
from privacy.synthetic.coding import Coding
from privacy.synthetic.spread import Codes, Weights, spread

RARE_DEVIATIONS = 3.0
"""A value is rare if its noisy count is below so many deviations of its noise, which then hides what it relates to."""

TAIL_DEVIATIONS = 2.5
"""A sum of the last counts so many deviations above zero is no noise: 1 of 160 sums of noise is."""


@dataclass(frozen=True)
class Merging:
    """The model's code of each code of a column, and the weight by which a model's code is split into codes again."""

    merged: Codes
    weights: Weights

    @property
    def size(self) -> int:
        """Number of codes of the model."""
        return int(self.merged.max()) + 1

    def split(self, codes: Codes, random: np.random.Generator) -> Codes:
        """Return a code of the column for each of the model."""
        weights = np.zeros((self.size, len(self.merged)))
        weights[self.merged, np.arange(len(self.merged))] = self.weights
        return spread(codes, weights / weights.sum(1, keepdims=True), random)


def merge_rare(columns: Mapping[str, Coding], counts: Mapping[str, tuple[Weights, float]]) -> dict[str, Merging]:
    """Return a merging of each column with several rare values, from noisy counts and σ of their noise alone.

    Rare values become the column's label for other values, if it declares one. Else each is written as often as its
    noisy count says.
    """
    found = {}
    for name, coding in columns.items():
        if isinstance(coding, CategoryCoding):
            merging = _merging(*counts[name], coding.values, coding.has_other)
            if merging.size < coding.size:
                found[name] = merging
    return found


def merge_tail(counts: Weights, scale: float) -> Merging:
    """Return the merging of the last codes of an ordered column, in which noise alone could be, with the one before.

    Where a code stands for hundreds of visits, a few people whom noise puts into it would double the visits of all.
    """
    last = tail_start(counts, scale)
    codes = np.arange(len(counts))
    return Merging(np.minimum(codes, last), (codes <= last).astype(np.float64))


def tail_start(counts: Weights, scale: float) -> int:
    """Return the last code from which on the counts together exceed what noise of deviation σ would make of nothing.

    >>> tail_start(np.array([50.0, 20.0, 8.0, 1.0, -2.0, 1.5]), 2.0)
    2
    """
    tails = np.cumsum(counts[::-1])
    expected = TAIL_DEVIATIONS * scale * np.sqrt(np.arange(1, len(counts) + 1))
    found = np.flatnonzero(tails > expected)
    return len(counts) - 1 - int(found[0]) if len(found) else 0


def _merging(counts: Weights, scale: float, values: int, has_other: bool) -> Merging:
    """Return the merging of codes: first `values` codes of values, then perhaps `other`, then perhaps null."""
    rare = np.flatnonzero(counts[:values] < RARE_DEVIATIONS * scale)
    into = np.arange(len(counts))
    weights = np.maximum(counts, scale / len(counts))
    if has_other:
        into[rare] = values
        weights[rare] = 0.0
    elif len(rare) > 1:
        into[rare] = rare[0]
    return Merging(np.unique(into, return_inverse=True)[1].astype(np.int64), weights)
