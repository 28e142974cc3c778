"""Attacks on a release: singling out, linkability and inference (WP29 Opinion 05/2014).

Each attack is scored as in Giomi et al. 2023 (`anonymeter`). The success rate among targets in the release is compared
with a baseline: the same attack on control records outside the release, or a guess without the release. The risk is
(attack - baseline) / (1 - baseline), with Wilson intervals at 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from privacy.anonymity.risk.utility import Cover
from privacy.anonymity.table.frequency_table import radix

Z = 1.959963984540054


@dataclass(frozen=True)
class AttackRisk:
    """The risk of one attack, with its 95 % interval. `attack` and `baseline` are success rates over `attempts`."""

    name: str
    risk: float
    low: float
    high: float
    attack: float
    baseline: float
    attempts: int


def wilson(successes: int, attempts: int) -> tuple[float, float, float]:
    """Returns centre, lower and upper bound of Wilson's 95 % interval of a rate; (0, 0, 1) without attempts."""
    if attempts == 0:
        return 0.0, 0.0, 1.0
    rate = successes / attempts
    scale = 1 + Z * Z / attempts
    centre = (rate + Z * Z / (2 * attempts)) / scale
    half = Z * math.sqrt(rate * (1 - rate) / attempts + Z * Z / (4 * attempts**2)) / scale
    return centre, max(0.0, centre - half), min(1.0, centre + half)


def _score(name: str, hits: int, attempts: int, base_hits: int, base_attempts: int) -> AttackRisk:
    attack, attack_low, attack_high = wilson(hits, attempts)
    base, base_low, base_high = wilson(base_hits, base_attempts)

    def excess(a: float, b: float) -> float:
        return min(1.0, max(0.0, (a - b) / (1 - b) if b < 1 else 0.0))

    return AttackRisk(
        name, excess(attack, base), excess(attack_low, base_high), excess(attack_high, base_low), attack, base, attempts
    )


def _encode(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Returns the code of each row's value, and the distinct values as text; equal texts have equal codes."""
    code, values = pd.factorize(column, use_na_sentinel=False)
    place, texts = pd.factorize(np.array([str(value) for value in values], object))
    return place[code].astype(np.int64), np.asarray(texts, object)


class _Groups:
    """Holds the distinct rows of a release, and finds those that fit an attacker's knowledge."""

    def __init__(self, published: pd.DataFrame, cover: Cover, secret: str | None = None) -> None:
        names = [*cover, *([secret] if secret else [])]
        found = {name: _encode(published[name]) for name in names}
        codes = [found[name][0] for name in names]
        key = radix(codes, [len(found[name][1]) for name in names])
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        self.of_row = inverse.ravel()
        self.count = np.bincount(self.of_row)
        self.secret: np.ndarray = found[secret][0][first] if secret else np.zeros(len(first), np.int64)
        self.secrets: np.ndarray = found[secret][1] if secret else np.zeros(0, object)
        self._codes = {name: found[name][0][first] for name in cover}
        self._covered = {name: [cover[name][label] for label in found[name][1]] for name in cover}
        self._fits: dict[tuple[str, str], np.ndarray] = {}

    def fitting(self, target: pd.Series, known: Sequence[str]) -> np.ndarray:
        """Returns which distinct rows fit the columns of the target that the attacker knows."""
        inside = np.ones(len(self.count), np.bool_)
        for name in known:
            value = str(target[name])
            if (name, value) not in self._fits:
                self._fits[name, value] = np.array([value in values for values in self._covered[name]])
            inside &= self._fits[name, value][self._codes[name]]
        return inside


Try = Callable[[pd.Series, np.ndarray], bool]
"""Returns whether the attack on a target succeeds, given the number of published rows in each group."""


def _attack(
    name: str,
    original: pd.DataFrame,
    control: pd.DataFrame | None,
    published: pd.DataFrame,
    groups: _Groups,
    owners: pd.Series | None,
    attempts: int,
    seed: int,
    succeeds: Try,
) -> AttackRisk:
    """Scores an attack on people in the release, with people who are not in it (`control`) as the baseline.

    When `control` is None, the baseline attacks the same targets in the release without their own rows.
    """
    random = np.random.default_rng(seed)
    targets = [original.iloc[i] for i in random.integers(0, len(original), attempts)]
    hits = sum(succeeds(target, groups.count) for target in targets)
    if control is not None:
        others = [control.iloc[i] for i in random.integers(0, len(control), attempts)]
        return _score(name, hits, attempts, sum(succeeds(target, groups.count) for target in others), attempts)
    owner = original.index.to_series() if owners is None else owners
    of_row, people = pd.factorize(owner.loc[published.index], use_na_sentinel=False)
    number = pd.Series(np.arange(len(people)), people)
    base = 0
    for target in targets:
        own = groups.of_row[of_row == number[owner.loc[target.name]]]
        base += succeeds(target, groups.count - np.bincount(own, minlength=len(groups.count)))
    return _score(name, hits, attempts, base, attempts)


class _People:
    """Counts the original records that a claim about quasi-identifiers fits."""

    def __init__(self, original: pd.DataFrame, columns: Sequence[str]) -> None:
        found = {name: _encode(original[name]) for name in columns}
        self.text = {name: values[code] for name, (code, values) in found.items()}
        self.values = {name: list(values) for name, (_, values) in found.items()}
        key = radix([found[n][0] for n in columns], [len(found[n][1]) for n in columns])
        _, self._first, self._count = np.unique(key, return_index=True, return_counts=True)
        self._codes = {name: code[self._first] for name, (code, _) in found.items()}

    def isolates(self, allowed: Mapping[str, frozenset[str]]) -> bool:
        """Returns whether exactly one record has one of the allowed values in every column."""
        fits = np.ones(len(self._count), np.bool_)
        for name, values in allowed.items():
            fits &= np.array([value in values for value in self.values[name]])[self._codes[name]]
        return int(self._count[fits].sum()) == 1

    def unique(self) -> set[tuple[str, ...]]:
        """Returns the combinations of quasi-identifiers that exactly one record has."""
        rows = self._first[self._count == 1]
        return set(zip(*(values[rows] for values in self.text.values()), strict=True))


def singling_out(
    original: pd.DataFrame, published: pd.DataFrame, cover: Cover, attempts: int = 300, seed: int = 0
) -> AttackRisk:
    """Scores the singling-out attack: a claim made from a published row should fit exactly one original record.

    The attacker takes a published row, a unique one if there is any, and claims that exactly one person fits its
    labels. The baseline takes a random value for each column.
    """
    random = np.random.default_rng(seed)
    columns = list(cover)
    people, groups = _People(original, columns), _Groups(published, cover)
    unique_rows = np.flatnonzero(groups.count[groups.of_row] == 1)
    candidates = unique_rows if len(unique_rows) else np.arange(len(published))
    chosen = published.iloc[candidates[random.integers(0, len(candidates), attempts)]]
    hits = sum(people.isolates({n: cover[n][row[n]] for n in columns}) for _, row in chosen.iterrows())
    base = 0
    for _ in range(attempts):
        base += people.isolates({n: frozenset([str(random.choice(people.values[n]))]) for n in columns})
    return _score("singling out", hits, attempts, base, attempts)


def singling_out_by_guess(
    original: pd.DataFrame, published: pd.DataFrame, cover: Cover, attempts: int = 300, seed: int = 0
) -> AttackRisk:
    """Scores singling out by guessed values: a value guessed inside each label of a row should fit exactly one record.

    No label of a k-anonymous release isolates a person, but a guessed value inside each label may. The baseline takes
    each column's value from some other record. It shows how often a plausible combination isolates a person by chance.
    """
    random = np.random.default_rng(seed)
    columns = list(cover)
    people = _People(original, columns)
    known = people.unique()
    choices = {name: {label: sorted(values) for label, values in cover[name].items()} for name in columns}
    chosen = published.iloc[random.integers(0, len(published), attempts)]
    hits = base = 0
    for _, row in chosen.iterrows():
        guess = tuple(str(random.choice(choices[name][row[name]])) for name in columns)
        hits += guess in known
        base += tuple(people.text[name][int(random.integers(len(original)))] for name in columns) in known
    return _score("singling out by guess", hits, attempts, base, attempts)


def linkability(
    original: pd.DataFrame,
    control: pd.DataFrame | None,
    published: pd.DataFrame,
    cover: Cover,
    halves: tuple[Sequence[str], Sequence[str]],
    attempts: int = 300,
    seed: int = 0,
    owners: pd.Series | None = None,
) -> AttackRisk:
    """Scores the linkability attack: linking two sets of attributes of one person through the release.

    A link succeeds when both halves of the target's attributes fit exactly one published row, the same for both.

    Args:
        original: the people in the release, with one or several rows each.
        control: people who are not in it. None: the same people are attacked in a release without their own rows; the
            release must then keep the index of `original`.
        published: the release.
        cover: the values that each label covers, by column.
        halves: the two sets of attributes that the attacker knows.
        attempts: number of targets.
        seed: seed of the choice of targets.
        owners: the person of each row of `original`; None: every row is a person.
    """
    groups = _Groups(published, cover)

    def links(target: pd.Series, rows: np.ndarray) -> bool:
        return int(rows[groups.fitting(target, [*halves[0], *halves[1]])].sum()) == 1

    return _attack("linkability", original, control, published, groups, owners, attempts, seed, links)


def inference(
    original: pd.DataFrame,
    control: pd.DataFrame | None,
    published: pd.DataFrame,
    cover: Cover,
    secret: str,
    attempts: int = 300,
    seed: int = 0,
    owners: pd.Series | None = None,
) -> AttackRisk:
    """Scores the inference attack: guessing a secret as the most frequent value of the rows that fit the target.

    The baseline makes the same guess about people who are not in the release. Its successes are knowledge about the
    population, not about a person. `secret` is a column of the release; other arguments as in `linkability`.
    """
    groups = _Groups(published, cover, secret)

    def guesses(target: pd.Series, rows: np.ndarray) -> bool:
        inside = rows * groups.fitting(target, list(cover))
        counted = np.bincount(groups.secret, inside if inside.any() else rows, len(groups.secrets))
        return bool(groups.secrets[int(counted.argmax())] == str(target[secret]))

    return _attack(f"inference of {secret}", original, control, published, groups, owners, attempts, seed, guesses)
