"""Identifiers of real people are found in any synthetic column, and coincidences are not."""

import numpy as np
import pyarrow as pa
import pytest

from bench.synthetic.fault import with_identifier
from privacy.synthetic.attack.identifier import leaked_identifiers
from tests.privacy.synthetic.population import draw

TRAIN, CONTROL = draw(2000, 1), draw(500, 2)


@pytest.mark.parametrize("seed", range(5))
def test_identifiers_in_one_per_cent_of_the_rows_are_found(seed: int) -> None:
    made = with_identifier(draw(2000, 30 + seed).drop_columns(["member"]), TRAIN, "member", 0.01, seed)
    (leak,) = leaked_identifiers(TRAIN, CONTROL, made)
    assert (leak.column, leak.synthetic_column) == ("member", "reference")
    assert leak.is_proven


@pytest.mark.parametrize("seed", range(5))
def test_honest_rows_leak_no_identifier(seed: int) -> None:
    made = with_identifier(draw(2000, 30 + seed), TRAIN, "member", 0.0, seed)
    assert not any(leak.is_proven for leak in leaked_identifiers(TRAIN, CONTROL, made))


def test_an_identifier_is_found_in_another_spelling() -> None:
    spelled = pa.array([value.replace("M-", "m ").upper() for value in TRAIN["member"].to_pylist()[:40]])
    (leak,) = leaked_identifiers(TRAIN, CONTROL, pa.table({"note": spelled}))
    assert leak.is_proven


def test_numbers_that_coincide_with_account_numbers_are_no_leak() -> None:
    random = np.random.default_rng(4)
    numbers = random.permutation(20_000)
    train, control = (pa.table({"account": numbers[part]}) for part in (slice(0, 2000), slice(2000, 2500)))
    made = pa.table({"points": random.integers(0, 20_000, 2000)})
    assert not any(leak.is_proven for leak in leaked_identifiers(train, control, made))
    copied = pa.table({"points": np.concatenate([made["points"].to_numpy()[200:], numbers[:200]])})
    assert any(leak.is_proven for leak in leaked_identifiers(train, control, copied))
