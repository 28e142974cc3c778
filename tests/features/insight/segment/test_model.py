"""The model says the same in numpy and as SQL, and compares no trait that reveals a special category."""

from __future__ import annotations

import json
from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest

from features.insight.segment.model import SegmentModel, fit, next_fit_is_due
from features.insight.segment.trait import TABLE, TRAITS, Block
from installation.contract.document import load_contracts

DENIED_CATEGORIES = {"pd:Health", "pd:MedicalHealth", "pd:Religion", "pd:Ethnicity", "pd:Disability", "pd:Sexual"}


def _values(rows: int, seed: int = 3) -> np.ndarray:
    """Return values of the traits: two kinds of customers, with unknown and with very large values."""
    random = np.random.default_rng(seed)
    values = random.gamma(1.0, 1.0, (rows, len(TRAITS)))
    values[rows // 2 :] *= random.gamma(5.0, 1.0, len(TRAITS))
    values[random.random(values.shape) < 0.2] = np.nan
    # Wrong dates and returns make days and amounts below zero.
    values[:5, :3], values[5:10], values[10:15] = 1e7, -1.0, -7.0
    return values


def test_sql_and_numpy_agree_on_the_segment_of_every_customer() -> None:
    values = _values(800)
    model, _ = fit(values, 5)
    assert len(model.centers) > 1
    people = pd.DataFrame(values, columns=[trait.name for trait in TRAITS])
    encoded = ", ".join(f"{sql} as {name}" for name, sql in model.encoding_sql().items())
    distances = ", ".join(f"{sql} as {name}" for name, sql in model.distance_sql().items())
    people["row"] = range(len(people))
    numbers = people.astype(object).where(people.notna(), None)
    with duckdb.connect() as engine:
        engine.register("given", numbers.convert_dtypes())
        query = (
            f"select {model.label_sql()} as s from (select row, {distances} from (select row, {encoded} from given)) "
            "order by row"
        )
        found = engine.execute(query).fetchnumpy()["s"].tolist()
    assert found == model.label(values)


def test_the_model_survives_json() -> None:
    values = _values(300)
    model, _ = fit(values, 5)
    read = SegmentModel.from_json(model.to_json())
    assert read == model
    assert read.label(values) == model.label(values)


def test_a_dropped_segment_gives_its_customers_to_the_others() -> None:
    values = _values(400)
    model, _ = fit(values, 5)
    first = next(iter(model.centers))
    assert first not in set(model.without({first}).label(values))


def test_a_trait_without_values_says_nothing() -> None:
    values = _values(300)
    values[:, 0] = np.nan
    model, _ = fit(values, 5)
    assert model.scales[0].deviation == 0.0
    assert not model.encode(values)[:, 0].any()


def test_a_trait_that_is_the_same_for_all_who_have_it_says_nothing() -> None:
    """Else the deviation of rounding would put unknown values far from known ones."""
    values = np.full((200, len(TRAITS)), np.nan)
    values[:50, 5] = 1 / 3
    model, _ = fit(values, 5)
    assert len(model.centers) == 1
    assert not model.encode(values).any()


def test_no_trait_reads_a_sensitive_column_or_one_that_personalisation_may_not_use() -> None:
    contract = load_contracts().table(TABLE)
    for trait in TRAITS:
        for name in trait.columns:
            column = contract.column(name)
            assert name in trait.sql
            assert column.role != "sensitive"
            assert column.category not in DENIED_CATEGORIES
            assert "personalisation" in column.purposes


def test_all_three_kinds_of_traits_shape_the_segments() -> None:
    assert {trait.block for trait in TRAITS if trait.weight} == set(Block)
    assert len({trait.name for trait in TRAITS}) == len(TRAITS)


@pytest.mark.parametrize(
    ("as_of", "customers", "is_due"),
    [
        (date(2017, 5, 31), 100, False),
        (date(2017, 6, 1), 100, True),
        (date(2018, 5, 1), 100, True),
        (date(2017, 5, 31), 201, True),
        (date(2017, 5, 31), 49, True),
    ],
)
def test_a_fit_is_due_in_a_new_month_or_with_other_customers(as_of: date, customers: int, *, is_due: bool) -> None:
    assert next_fit_is_due(date(2017, 5, 1), as_of, 100, customers) == is_due


def test_the_json_of_a_model_has_no_value_of_a_customer() -> None:
    values = _values(300)
    values[0, 0] = 123456.789
    model, _ = fit(values, 5)
    assert "123456.7" not in json.dumps(model.to_json())
