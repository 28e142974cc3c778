"""Copied rows are proven, over many seeds, and chance hits are not."""

import numpy as np
import pyarrow as pa
import pytest

from bench.synthetic.fault import with_copies
from privacy.synthetic.attack.copied import copied_rows
from privacy.synthetic.table_form import Numbers
from tests.privacy.synthetic.population import SPECIFICATION, draw, form

NAMES = list(SPECIFICATION.columns)
COARSE = [name for name in NAMES if name != "spent"]
"""Without the amount, half of the rows are hit by chance in ten samples."""
TRAIN, CONTROL = draw(8000, 1), draw(2000, 2)


def numbers(table: pa.Table, names: list[str] = NAMES) -> Numbers:
    places = [NAMES.index(name) for name in names]
    return form(table).numbers[:, places]


@pytest.mark.parametrize("seed", range(12))
def test_one_per_cent_of_copies_is_proven_every_time(seed: int) -> None:
    honest = draw(8000, 1000 + seed)
    copier = with_copies(honest.select(NAMES), TRAIN, 0.01, seed)
    found = [copied_rows(numbers(TRAIN), numbers(CONTROL), [numbers(made)]) for made in (copier, honest)]
    assert [one.is_proven for one in found] == [True, False]
    assert found[1].detectable <= 0.02


@pytest.mark.parametrize("is_fixed", [True, False])
def test_copies_of_common_rows_are_proven_in_several_samples(is_fixed: bool) -> None:
    made = [draw(8000, 500 + number).select(NAMES) for number in range(10)]
    copier = [with_copies(one, TRAIN, 0.02, 7 if is_fixed else number) for number, one in enumerate(made)]
    train, control = numbers(TRAIN, COARSE), numbers(CONTROL, COARSE)
    assert copied_rows(train, control, [numbers(one, COARSE) for one in copier]).is_proven
    assert not copied_rows(train, control, [numbers(one, COARSE) for one in made]).is_proven


def test_chances_of_honest_generators_are_spread_evenly() -> None:
    train, control = numbers(TRAIN, COARSE), numbers(CONTROL, COARSE)
    made = [numbers(draw(8000, 50_000 + seed), COARSE) for seed in range(15)]
    chances = np.array([copied_rows(train, control, [one]).chance for one in made])
    assert 0.2 < chances.mean() < 0.8


def test_a_single_sample_of_continuous_rows_shows_one_copy_in_a_thousand() -> None:
    random = np.random.default_rng(3)
    train, control, made = (random.normal(size=(rows, 3)) for rows in (20_000, 5000, 20_000))
    assert not copied_rows(train, control, [made]).is_proven
    copier = np.concatenate([made[50:], train[:50]])
    found = copied_rows(train, control, [copier])
    assert found.is_proven
    assert found.learned.value == 50 / 20_000


def test_few_control_rows_prove_only_outright_copies_and_say_so() -> None:
    train, control, copier = numbers(TRAIN), numbers(CONTROL.slice(0, 3)), with_copies(draw(8000, 5), TRAIN, 0.01, 5)
    found = copied_rows(train, control, [numbers(copier)])
    assert not found.is_proven
    assert found.detectable > 0.01
    assert copied_rows(train, control, [train]).is_proven
