"""Records are suppressed only within the limit and where the loss falls; cells above their limit become `*`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from privacy.anonymity import Spec, anonymize, verify
from privacy.anonymity.risk.utility import label_cover, measure_utility
from tests.privacy.anonymity.random_release import random_table


def make_spec(**limits: object) -> Spec:
    columns = {
        "region": {"role": "quasi"},
        "age": {"role": "quasi", "is_ordered": True},
        "illness": {"role": "sensitive"},
    }
    models = [{"name": "k_anonymity", "k": 3}]
    return Spec.model_validate({"columns": columns, "models": models, **limits})


def with_outlier() -> pd.DataFrame:
    """Returns a table of two groups of six equal records, and one record far away from all."""
    ages = [*([30, 31] * 6), 90]
    regions = [*(["a", "b"] * 6), "z"]
    return pd.DataFrame({"region": regions, "age": ages, "illness": ["cold", "flu"] * 6 + ["flu"]})


def loss_by_hand(table: pd.DataFrame, published: pd.DataFrame) -> float:
    names = ["region", "age"]
    text = table[names].astype(str)
    cover = {name: label_cover(text[name], published[name].tolist()) for name in names}
    return measure_utility(text, published[names], cover).certainty_penalty


def test_an_outlier_is_suppressed_and_counts_one() -> None:
    table = with_outlier()
    everybody, limited = anonymize(table, make_spec()), anonymize(table, make_spec(suppression_limit=0.1))
    assert everybody.suppressed == 0
    assert limited.suppressed == 1
    assert 12 not in limited.table.index
    assert limited.loss < everybody.loss
    assert limited.loss == pytest.approx(loss_by_hand(table, limited.table))
    assert verify(limited.table, table, make_spec(suppression_limit=0.1)).is_passed
    assert not verify(limited.table, table, make_spec()).is_passed


@pytest.mark.parametrize("seed", range(8))
def test_suppression_stays_within_its_limit_and_never_raises_the_loss(seed: int) -> None:
    table = random_table(seed, rows=120)
    spec = make_spec(
        suppression_limit=0.05,
        models=[{"name": "k_anonymity", "k": 4}, {"name": "distinct_l", "l": 2, "column": "illness"}],
    )
    everybody, limited = anonymize(table, spec.model_copy(update={"suppression_limit": 0.0})), anonymize(table, spec)
    assert limited.suppressed <= 6
    assert limited.loss <= everybody.loss + 1e-12
    assert limited.loss == pytest.approx(loss_by_hand(table, limited.table))


def test_cells_above_the_limit_become_stars() -> None:
    table = random_table(4, rows=80)
    plain, starred = anonymize(table, make_spec()), anonymize(table, make_spec(cell_limit=0.2))
    assert starred.suppressed == 0
    assert starred.verdict.is_passed
    cover = label_cover(table["age"].astype(str), starred.table["age"].tolist())
    lost = {label: (len(covered) - 1) / (table["age"].nunique() - 1) for label, covered in cover.items()}
    assert "*" in lost
    assert max(loss for label, loss in lost.items() if label != "*") <= 0.2
    assert (starred.table[["region", "age"]] == plain.table[["region", "age"]]).to_numpy().mean() > 0.2
    assert starred.loss == pytest.approx(loss_by_hand(table, starred.table))
    assert starred.loss > plain.loss


def test_suppressed_rows_are_published_as_stars_where_they_satisfy_the_models() -> None:
    table = pd.concat([with_outlier(), pd.DataFrame({"region": ["y", "x"], "age": [70, 50], "illness": "flu"})])
    table = table.reset_index(drop=True)
    gone = anonymize(table, make_spec(suppression_limit=0.25))
    shown = anonymize(table, make_spec(suppression_limit=0.25, cell_limit=0.9))
    assert len(shown.table) >= len(gone.table)
    assert shown.verdict.is_passed
    rows = (shown.table[["region", "age"]] == "*").all(axis=1)
    assert rows.sum() in (0, *range(3, 16))
    assert shown.loss <= gone.loss + 1e-12


def test_a_cell_limit_of_one_is_refused() -> None:
    with pytest.raises(ValidationError):
        make_spec(cell_limit=1.0)


def test_row_order_does_not_change_the_suppressed_release() -> None:
    table = random_table(2, rows=150)
    spec = make_spec(suppression_limit=0.1, cell_limit=0.3)
    one = anonymize(table, spec).table.astype(str)
    two = anonymize(table.sample(frac=1, random_state=np.random.RandomState(3)), spec).table.astype(str)
    columns = list(one.columns)
    left, right = (t.sort_values(columns).reset_index(drop=True) for t in (one, two))
    pd.testing.assert_frame_equal(left, right)
