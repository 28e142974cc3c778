"""Random tables and models: every release satisfies the models, and a class broken on purpose is always found."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from privacy.anonymity import anonymize, verify
from privacy.anonymity.errors import InfeasibleError
from privacy.anonymity.spec.hierarchy import TOP
from tests.privacy.anonymity.random_release import break_one_class, random_spec, random_table


def covers(label: str, value: str, ranked: list[str]) -> bool:
    """Returns whether a set or range label covers a value; other tests check the labels of hierarchies."""
    if label in (value, TOP):
        return True
    if label.startswith("{") and "…" not in label:
        return value in label[1:-1].split("|")
    if label.startswith("[") and "," not in label:
        low, high = label[1:-1].split("-")
        return ranked.index(low) <= ranked.index(value) <= ranked.index(high)
    return True


@pytest.mark.parametrize("start", range(0, 1000, 100))
def test_no_release_breaks_a_model_and_broken_ones_are_caught(start: int) -> None:
    released = 0
    for seed in range(start, start + 100):
        table, spec = random_table(seed), random_spec(seed)
        try:
            result = anonymize(table, spec)
        except InfeasibleError:
            continue
        released += 1
        assert result.verdict.is_passed
        assert len(result.table) + result.suppressed == len(table)
        for name in ("sex", "age"):
            ranked = [str(v) for v in sorted(table[name].unique())]
            original = table.loc[result.table.index, name].astype(str)
            assert all(covers(a, b, ranked) for a, b in zip(result.table[name], original, strict=True))
        broken = break_one_class(result.table, spec)
        if broken is not None:
            assert not verify(broken, table, spec).is_passed, f"seed {seed}: the verifier missed a broken class"
    assert released > 60


def differs_when_shuffled(seed: int) -> bool:
    table, spec = random_table(seed, rows=120), random_spec(seed)
    made = [anonymize(rows, spec).table.astype(str) for rows in (table, table.sample(frac=1, random_state=seed))]
    one, two = (rows.sort_values(list(rows.columns)).reset_index(drop=True) for rows in made)
    return not one.equals(two)


@pytest.mark.parametrize("seed", [3, 17, 40])
def test_row_order_and_repetition_do_not_change_the_release(seed: int) -> None:
    table, spec = random_table(seed, rows=120), random_spec(seed)
    pd.testing.assert_frame_equal(anonymize(table, spec).table, anonymize(table, spec).table)
    assert not differs_when_shuffled(seed)


def test_rows_distributed_by_position_would_change_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: distributing the records of a unit by position makes the release depend on the row order."""
    module = sys.modules["privacy.anonymity.anonymize"]  # the package gives the function this name
    monkeypatch.setattr(module, "row_rank", lambda frame, spec: np.arange(len(frame)))
    assert any(differs_when_shuffled(seed) for seed in (3, 17, 40))
