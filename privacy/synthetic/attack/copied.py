"""Finds generators that copy rows of people who were learned from.

A real row that occurs once among all real rows is hit if a synthetic row equals it. Rows that were learned from are
hit as often as control rows, if the generator copies nothing. Both are compared among rows of the same rarity, since
common combinations are hit by chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from privacy.synthetic.attack.risk import ALARM, Rate
from privacy.synthetic.spread import Codes, Weights
from privacy.synthetic.table_form import Numbers

_DRAWS = 200_000
_SHARE = 0.01
"""Share of copied rows for which the weights of the strata are best."""
_SHARES = (0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)
Z_ALARM = 3.72
"""Normal quantile of `ALARM`."""


@dataclass(frozen=True)
class Copies:
    """Rare rows of people in the synthetic data. `chance`: probability of so many, if none are copied.

    `detectable`: least share of copied training rows that the test finds 95 times in 100; infinity: none.
    `samples`: independent samples that were searched.
    """

    learned: Rate
    control: Rate
    chance: float
    detectable: float
    samples: int

    @property
    def is_proven(self) -> bool:
        """Whether copying is proven."""
        return self.chance < ALARM


def copied_rows(train: Numbers, control: Numbers, samples: Sequence[Numbers], seed: int = 0) -> Copies:
    """Return what a search for copies finds in independent samples of one generator; rows are rows of numbers.

    One sample is enough for continuous columns. Several samples make copies visible among common combinations: a
    generator that keeps rows repeats them in every sample, and one that copies others each time hits more rows.

    The test permutes the labels "learned from" and "control" within rows of equal rarity, which is exact if the
    control people were chosen at random (stratified permutation test).
    """
    random = np.random.default_rng(seed)
    keys, neighbours = _keys([train, control, *samples], random)
    real, made = np.concatenate(keys[:2]), keys[2:]
    _, place, counts = np.unique(real, return_inverse=True, return_counts=True)
    alone = counts[place] == 1
    learned = (np.arange(len(real)) < len(train))[alone]
    hits = np.zeros(len(learned), np.int64)
    for one in made:
        hits += np.isin(real[alone], one)
    stratum = np.digitize(_rarity(keys, neighbours, alone), 2.0 ** np.arange(-1, 12))
    tests = [_Strata.of(hits >= least, learned, stratum) for least in sorted({1, len(made)})]
    chance = min(1.0, len(tests) * min(one.chance(random) for one in tests))
    rates = [Rate.of(int((hits[part] > 0).sum()), int(part.sum())) for part in (learned, ~learned)]
    return Copies(rates[0], rates[1], chance, min(one.detectable(random) for one in tests), len(made))


Keys = npt.NDArray[np.uint64]


def _keys(tables: Sequence[Numbers], random: np.random.Generator) -> tuple[list[Keys], list[list[Keys]]]:
    """Return a key of each row of each table; then for each column the keys without that column.

    A key is the sum of a random number for each value, so that leaving out a column is a subtraction.
    """
    ends = np.cumsum([len(table) for table in tables])[:-1]
    parts = []
    for column in np.concatenate(tables).T:
        code = np.unique(np.nan_to_num(column, nan=-1e300), return_inverse=True)[1].ravel()
        parts.append(random.integers(2**64, size=int(code.max(initial=0)) + 1, dtype=np.uint64)[code])
    whole = np.sum(parts, axis=0, dtype=np.uint64)
    return np.split(whole, ends), [np.split(whole - part, ends) for part in parts]


def _rarity(keys: Sequence[Keys], neighbours: Sequence[Sequence[Keys]], alone: npt.NDArray[np.bool_]) -> Codes:
    """Return for each real row how many synthetic rows differ from it in exactly one column.

    Equal rows do not count: rarity must not depend on whether a row is hit.
    """
    total = -len(neighbours) * _occurrences(keys, alone)
    for parts in neighbours:
        total += _occurrences(parts, alone)
    return total


def _occurrences(parts: Sequence[Keys], alone: npt.NDArray[np.bool_]) -> Codes:
    real, made = np.concatenate(parts[:2])[alone], np.sort(np.concatenate(parts[2:]))
    return np.asarray(np.searchsorted(made, real, "right") - np.searchsorted(made, real, "left"), np.int64)


@dataclass(frozen=True)
class _Strata:
    """Counts of each stratum: rows that were learned from, control rows, and hits of each."""

    members: Codes
    others: Codes
    found: Codes
    found_control: Codes

    @classmethod
    def of(cls, hit: npt.NDArray[np.bool_], learned: npt.NDArray[np.bool_], stratum: Codes) -> _Strata:
        size = int(stratum.max(initial=0)) + 1
        counts = [
            np.bincount(stratum[part], minlength=size) for part in (learned, ~learned, hit & learned, hit & ~learned)
        ]
        kept = (counts[0] > 0) & (counts[1] > 0)
        return cls(*(one[kept] for one in counts))

    def chance(self, random: np.random.Generator) -> float:
        """Return the probability of so many hits of rows that were learned from, weighted by their rarity."""
        total, weight = self.found + self.found_control, self._weight(self.found)
        drawn = np.zeros(_DRAWS)
        for hits, members, others, one in zip(total, self.members, self.others, weight, strict=True):
            drawn += one * random.hypergeometric(hits, members + others - hits, members, _DRAWS)
        return float((1 + (drawn >= (weight * self.found).sum() - 1e-9).sum()) / (_DRAWS + 1))

    def detectable(self, random: np.random.Generator) -> float:
        """Return the least share of copied rows that is proven in 95 of 100 trials, of `_SHARES`; infinity if none is.

        In a trial, each row that was learned from and not yet hit is copied with this probability.
        """
        honest = np.minimum(self.members, np.round(self._rate(self.found) * self.members)).astype(np.int64)
        for share in _SHARES:
            trials = honest + random.binomial(self.members - honest, share, (100, len(honest)))
            if np.quantile([self._z(trial) for trial in trials], 0.05) > Z_ALARM:
                return share
        return math.inf

    def _rate(self, found: Codes) -> Weights:
        return np.asarray((found + self.found_control + 0.5) / (self.members + self.others + 1), np.float64)

    def _weight(self, found: Codes) -> Weights:
        rate = self._rate(found)
        return np.asarray(np.log1p(_SHARE * (1 - rate) / rate), np.float64)

    def _z(self, found: Codes) -> float:
        rows, total, weight = self.members + self.others, found + self.found_control, self._weight(found)
        spread = total * (rows - total) * self.members * self.others / (rows**2 * np.maximum(1, rows - 1))
        return float(
            (weight * (found - self.members * total / rows)).sum() / math.sqrt(max(1e-12, (weight**2 * spread).sum()))
        )
