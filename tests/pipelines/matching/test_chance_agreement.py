"""Estimated chance agreement does not depend on the order of rows or on the random sample, and neither do groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.evaluation.pair_metric import cluster_score
from pipelines.matching import chance_agreement
from pipelines.matching.chance_agreement import LEAST_SEEN, estimate_chance
from pipelines.matching.comparison import comparisons_for
from pipelines.matching.mapping import Mapping
from pipelines.matching.resolution import Options, filled_columns, load_person, open_workspace, resolve

MAPPING = Mapping(
    given_name=("given",), surname=("surname",), birth_date=("birth",), phone=("phone",), email=("email",),
    postal_code=("postal_code",), household=("home",),
)  # fmt: skip
SURNAMES = ["kim", "lee", "park", "choi", "jung", "kang", "cho", "yoon"]
SYLLABLES = ["min", "seo", "ji", "hyun", "su", "young", "jun", "woo", "eun", "ha"]


@pytest.fixture(scope="module")
def namesakes() -> pd.DataFrame:
    """Two thousand people with eight hundred names and e-mail addresses made from them.

    Three in ten have a second record; half of the e-mail addresses and birth dates are unknown. Grouping namesakes
    explains such a file nearly as well as grouping duplicates does.
    """
    dice, count = np.random.default_rng(0), 2000

    def phones(n: int) -> list[str]:
        return [f"010-{a}-{b}" for a, b in zip(*(dice.integers(1000, 9999, n) for _ in "ab"), strict=True)]

    surname = dice.choice(SURNAMES, count)
    given = np.char.add(dice.choice(SYLLABLES, count), dice.choice(SYLLABLES, count))
    year, month, day = dice.integers(50, 99, count), dice.integers(1, 13, count), dice.integers(1, 29, count)
    people = pd.DataFrame({
        "given": given, "surname": surname, "phone": phones(count), "person": np.arange(count).astype(str),
        "birth": [f"19{y}-{m:02}-{d:02}" for y, m, d in zip(year, month, day, strict=True)],
        "email": [f"{g}.{s}{y}@mail.example" for g, s, y in zip(given, surname, year, strict=True)],
        "postal_code": dice.integers(10000, 99999, count).astype(str),
        "home": [f"h{n}" for n in range(count)],
    }, dtype=object)  # fmt: skip
    again = people[dice.random(count) < 0.3].copy()
    moved = dice.random(len(again)) < 0.3
    again.loc[moved, "phone"] = phones(int(moved.sum()))
    people = pd.concat([people, again], ignore_index=True)
    for column in ("email", "birth"):
        people.loc[dice.random(len(people)) < 0.5, column] = None
    return people.sample(frac=1, random_state=0).reset_index(drop=True)


def _shuffled(people: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the records in another order, with household tokens of another secret."""
    token = {home: f"{(int(home[1:]) + seed) * 7919 % 10007}" for home in people["home"].unique()}
    return people.assign(home=people["home"].map(token)).sample(frac=1, random_state=seed)


def _groups(people: pd.DataFrame, seed: int = 1) -> pd.Series:
    """Return the smallest row label of each record's group, indexed by row label."""
    with open_workspace(Options()) as workspace:
        group = resolve(workspace, people.reset_index(drop=True), MAPPING, Options(seed=seed)).group
    labels = pd.Series(people.index, index=people.index)
    return labels.groupby(group).transform("min").sort_index()


def test_the_order_of_rows_and_the_token_secret_do_not_change_the_groups(namesakes: pd.DataFrame) -> None:
    expected = _groups(namesakes)
    truth = pd.factorize(namesakes["person"])[0].astype(np.int64)
    assert cluster_score(truth, expected.to_numpy(dtype=np.int64)).f1 > 0.97
    for seed in range(3):
        assert (_groups(_shuffled(namesakes, seed)) == expected).all()


def test_with_a_small_sample_the_seed_changes_the_groups(
    namesakes: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a sample that underestimates chance agreement, as in an earlier version."""
    for name, value in (("FEWEST_PAIRS", 200), ("MOST_PAIRS", 200), ("LEAST_SEEN", 0.01)):
        monkeypatch.setattr(chance_agreement, name, value)
    found = [_groups(namesakes, seed) for seed in range(2)]
    assert (found[0] != found[1]).mean() > 0.1


def test_chance_agreement_does_not_depend_on_the_order_of_rows(namesakes: pd.DataFrame) -> None:
    first, *others = [
        _estimate(people) for people in (namesakes, _shuffled(namesakes, 1), _shuffled(namesakes, 2).iloc[::-1])
    ]
    for other in others:
        assert all((a == b).all() for a, b in zip(first.shares, other.shares, strict=True))
        assert first.known == other.known
    assert any((a != b).any() for a, b in zip(first.shares, _estimate(namesakes, 2).shares, strict=True))


def test_rare_levels_are_counted_in_small_files_and_not_underestimated_in_large_ones(namesakes: pd.DataFrame) -> None:
    few, many = namesakes.iloc[:200], namesakes
    assert min(share.min() for share in _estimate(few).shares) < LEAST_SEEN / (200 * 199 / 2)
    least = 0.9 * LEAST_SEEN / chance_agreement.FEWEST_PAIRS
    assert all((share[1:] >= least).all() for share in _estimate(many).shares)


def _estimate(people: pd.DataFrame, seed: int = 1) -> chance_agreement.ChanceAgreement:
    with open_workspace(Options()) as workspace:
        load_person(workspace, people.reset_index(drop=True), MAPPING, Options())
        comparisons = comparisons_for(filled_columns(workspace))
        population = len(people) * (len(people) - 1) // 2
        return estimate_chance(workspace, comparisons, population=population, seed=seed)
