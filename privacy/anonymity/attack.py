"""Attacks that show what a release gives away: singling out, linkability and inference (WP29 Opinion 05/2014).

Each attack is scored as in Giomi et al. 2023 (`anonymeter`): success rate among targets that are in the release,
against the success of the same attack on control records that are not (or of a guess without the release). Risk is
(attack - baseline) / (1 - baseline), with Wilson intervals at 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from privacy.anonymity.utility import Cover

Z = 1.959963984540054


@dataclass(frozen=True)
class AttackRisk:
    """`risk` with its interval; `attack` and `baseline` are success rates over `attempts`."""

    name: str
    risk: float
    low: float
    high: float
    attack: float
    baseline: float
    attempts: int


def wilson(successes: int, attempts: int) -> tuple[float, float, float]:
    """Centre and bounds of Wilson's 95 % interval of a rate."""
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


class _Labels:
    """The labels of a release, ready to be held against what an attacker knows."""

    def __init__(self, published: pd.DataFrame, cover: Cover) -> None:
        self.rows = len(published)
        self.codes, self.covered = {}, {}
        for name in cover:
            self.codes[name], labels = pd.factorize(published[name])
            self.covered[name] = [cover[name][label] for label in labels]

    def fitting(self, target: pd.Series, known: Sequence[str]) -> np.ndarray:
        """Which published rows are consistent with what the attacker knows of the target."""
        inside = np.ones(self.rows, np.bool_)
        for name in known:
            value = str(target[name])
            inside &= np.array([value in values for values in self.covered[name]])[self.codes[name]]
        return inside


Try = Callable[[pd.Series, np.ndarray], bool]
"""Whether the attack on a target succeeds with these published rows alone."""


def _attack(
    name: str,
    original: pd.DataFrame,
    control: pd.DataFrame | None,
    published: pd.DataFrame,
    owners: pd.Series | None,
    attempts: int,
    seed: int,
    succeeds: Try,
) -> AttackRisk:
    """Score an attack on people in the release against people who are not in it.

    Without such people as `control`, the same targets are attacked again with their own rows taken out of the release.
    """
    random = np.random.default_rng(seed)
    whole = np.ones(len(published), np.bool_)
    targets = [original.iloc[i] for i in random.integers(0, len(original), attempts)]
    hits = sum(succeeds(target, whole) for target in targets)
    if control is not None:
        others = [control.iloc[i] for i in random.integers(0, len(control), attempts)]
        return _score(name, hits, attempts, sum(succeeds(target, whole) for target in others), attempts)
    owner = original.index.to_series() if owners is None else owners
    of_row = owner.loc[published.index].to_numpy()
    base = sum(succeeds(target, of_row != owner.loc[target.name]) for target in targets)
    return _score(name, hits, attempts, base, attempts)


def singling_out(
    original: pd.DataFrame, published: pd.DataFrame, cover: Cover, attempts: int = 300, seed: int = 0
) -> AttackRisk:
    """Predicates built from published rows that match exactly one original record.

    The attacker takes a row of the release, one that stands alone there when any does, and claims that exactly one
    person fits its labels; the baseline picks random values for each column.
    """
    random = np.random.default_rng(seed)
    columns = list(cover)
    text = original[columns].astype(str)

    def isolates(allowed: dict[str, frozenset[str]]) -> bool:
        fits = np.ones(len(text), np.bool_)
        for name, values in allowed.items():
            fits &= text[name].isin(values).to_numpy()
        return int(fits.sum()) == 1

    lone = np.flatnonzero(~published[columns].duplicated(keep=False).to_numpy())
    worth = lone if len(lone) else np.arange(len(published))
    picked = published.iloc[worth[random.integers(0, len(worth), attempts)]]
    hits = sum(isolates({n: cover[n][row[n]] for n in columns}) for _, row in picked.iterrows())
    base = 0
    for _ in range(attempts):
        base += isolates({n: frozenset([str(random.choice(text[n].unique()))]) for n in columns})
    return _score("singling out", hits, attempts, base, attempts)


def singling_out_by_guess(
    original: pd.DataFrame, published: pd.DataFrame, cover: Cover, attempts: int = 300, seed: int = 0
) -> AttackRisk:
    """Predicates of single values, guessed from the labels of a published row, that match exactly one original record.

    No label of a k-anonymous release isolates anybody, but a value guessed inside each may. The baseline takes each
    column's value from some other record, which tells how often a plausible combination isolates somebody by itself.
    """
    random = np.random.default_rng(seed)
    columns = list(cover)
    text = original[columns].astype(str)
    sizes = text.groupby(columns).size()
    known = {key if isinstance(key, tuple) else (key,) for key in sizes.index[sizes == 1]}
    choices = {name: {label: sorted(values) for label, values in cover[name].items()} for name in columns}
    picked = published.iloc[random.integers(0, len(published), attempts)]
    hits = base = 0
    for _, row in picked.iterrows():
        guess = tuple(str(random.choice(choices[name][row[name]])) for name in columns)
        hits += guess in known
        base += tuple(str(text[name].iloc[int(random.integers(len(text)))]) for name in columns) in known
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
    """Link two sets of attributes of one person through the release.

    A link succeeds when both halves of the target's attributes point to one and the same published row.

    Args:
        original: the people who are in the release, one row each or several.
        control: people who are not in it; None to attack the same people in a release without their own rows, for which
            the release must have kept the index of `original`.
        published: the release.
        cover: what each label covers, by column.
        halves: the attributes that the attacker has apart.
        attempts: how many targets.
        seed: of the choice of targets.
        owners: the person of each row of `original`; every row is a person of its own unless told.
    """
    labels = _Labels(published, cover)

    def links(target: pd.Series, held: np.ndarray) -> bool:
        both = labels.fitting(target, [*halves[0], *halves[1]]) & held
        return int(both.sum()) == 1

    return _attack("linkability", original, control, published, owners, attempts, seed, links)


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
    """Guess a target's secret as the commonest value among the published rows that fit the target.

    The baseline makes the same guess about people who are not in the release: what it gets right is knowledge about
    the population, not about a person. Arguments as those of `linkability`; `secret` is a column of the release.
    """
    labels = _Labels(published, cover)
    values = published[secret].astype(str).to_numpy()

    def guesses(target: pd.Series, held: np.ndarray) -> bool:
        fitting = values[labels.fitting(target, list(cover)) & held]
        guess = pd.Series(fitting if len(fitting) else values[held]).mode().iloc[0]
        return bool(guess == str(target[secret]))

    return _attack(f"inference of {secret}", original, control, published, owners, attempts, seed, guesses)
