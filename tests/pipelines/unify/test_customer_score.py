"""Scores are made of, and for, customers who permit it only; models are kept until a new horizon is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from bench.insight.permitted_person import TABLES, permitted_customers, unpermitted
from features.insight.score import model_table
from pipelines.unify import insight_model
from pipelines.unify.registry import all_tables
from tests.pipelines.conftest import AS_OF, CONSENTED, MOMENT, Built, agree

INPUT, SCORE, MODEL = "gold/customer_score_input", "gold/customer_score", "gold/insight_model"
Build = Callable[..., Built]


def names_of(built: Built) -> list[str]:
    return sorted(set(built.frame("silver/identifier")["customer_id"]))


def some_refuse(built: Built) -> None:
    """Of six customers one refuses, one withdraws, one objects to all, one to training; one says nothing."""
    for number, customer in enumerate(names_of(built)):
        if number % 6 == 5 or (number % 6 == 4 and number > 20):
            continue
        for purpose in CONSENTED:
            agree(built, customer, purpose, "refused" if number % 6 == 0 else "given")
        later = {"effective_at": MOMENT - timedelta(90), "recorded_at": MOMENT - timedelta(90)}
        if number % 6 == 1:
            agree(built, customer, "personalisation", "withdrawn", **later)
        if number % 6 == 2:
            agree(built, customer, "*", "objected", record_id=f"o_{customer}", **later)
        if number % 6 == 3:
            agree(built, customer, "model_training", "objected", record_id=f"t_{customer}", **later)


@pytest.fixture(scope="module")
def built(build_market: Build, contracts: Any) -> Iterator[Built]:
    made = tuple(t.name for t in all_tables(contracts) if t.name.startswith("silver/"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_table, "FEWEST_CUSTOMERS", 0)  # the small market has eight who buy and permit it
        yield build_market("sail", (*made, INPUT, MODEL, SCORE), speak=some_refuse)


def customers(built: Built, table: str) -> set[str]:
    return set(built.frame(table)["customer_id"])


def independent(built: Built, own: str = "personalisation") -> set[str]:
    with closing(built.context.agreed.open()) as store:
        return permitted_customers(store, MOMENT, own)


def test_an_independent_evaluation_finds_nobody_without_permission_in_scores_and_input(built: Built) -> None:
    permitted = independent(built)
    assert 0 < len(permitted) < len(names_of(built))
    assert unpermitted(built.lakehouse, permitted) == {}
    bought = set(built.frame("silver/order_line")["customer_id"].dropna())
    assert customers(built, SCORE) == customers(built, INPUT) == permitted & bought


@pytest.mark.parametrize("table", TABLES)
def test_the_evaluation_finds_an_added_customer(built: Built, table: str) -> None:
    version, rows = built.lakehouse.version(table), built.lakehouse.rows(table)
    stranger = sorted(set(names_of(built)) - independent(built))[0]
    row = rows.slice(0, 1).to_pylist()[0] | {"customer_id": stranger}
    stored = built.lakehouse.delta(table).to_pyarrow_dataset().schema
    write_deltalake(built.lakehouse.path(table), pa.Table.from_pylist([row], stored), mode="append")
    assert unpermitted(built.lakehouse, independent(built)) == {table: 1}
    built.lakehouse.delta(table).restore(version)


def test_the_models_are_fitted_without_customers_who_refuse_training(
    build_market: Build, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()

    def remember(targets: Any, rows: pa.Table, *others: Any) -> list[Any]:
        seen.update(rows["customer_id"].to_pylist())
        return []

    fresh = build_market("sail", built.tables, speak=some_refuse)
    monkeypatch.setattr(insight_model, "fit_models", remember)
    monkeypatch.setattr(insight_model, "read_models", lambda rows: [])
    fresh.context = replace(fresh.context, as_of=AS_OF + timedelta(1))
    fresh.refresh()
    assert seen
    assert seen <= independent(fresh, "model_training")
    assert customers(fresh, INPUT) > seen, "those who refuse training alone are scored"


def test_every_score_has_a_model_that_was_fitted_on_or_before_its_day(built: Built) -> None:
    models = built.frame(MODEL).set_index("model_id")
    scores = built.frame(SCORE)
    assert len(scores) > 0
    for row in scores.to_dict("records"):
        assert all(models["fitted_on"][one] <= row["as_of"] for one in row["model_ids"])
    assert set(scores["as_of"]) == {AS_OF}, "no earlier day: its scores would know what came after it"
    assert scores["churn_probability"].between(0, 1).all()
    assert (scores["expected_spend"] >= 0).all()


def test_a_run_fits_a_model_again_only_when_a_new_horizon_is_over(build_market: Build, built: Built) -> None:
    later = build_market("sail", built.tables, speak=some_refuse)
    before = later.frame(MODEL)
    later.context = replace(later.context, as_of=AS_OF + timedelta(1))
    later.refresh()
    assert list(later.frame(MODEL)["model_id"]) == list(before["model_id"])
    assert set(later.frame(SCORE)["as_of"]) == {AS_OF + timedelta(1)}


def test_models_of_few_customers_are_not_fitted(
    build_market: Build, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = build_market("sail", built.tables, speak=some_refuse)
    monkeypatch.setattr(model_table, "FEWEST_CUSTOMERS", 30)
    monkeypatch.setattr(insight_model, "read_models", lambda rows: [])
    before = list(few.frame(MODEL)["model_id"])
    few.context = replace(few.context, as_of=AS_OF + timedelta(1))
    few.refresh()
    assert list(few.frame(MODEL)["model_id"]) == before


def test_a_withdrawal_removes_the_scores_and_keeps_the_models(build_market: Build, built: Built) -> None:
    changed = build_market("sail", built.tables, speak=some_refuse)
    gone, before = sorted(customers(changed, SCORE))[0], changed.frame(MODEL)
    agree(changed, gone, "personalisation", "withdrawn", effective_at=MOMENT - timedelta(1), recorded_at=MOMENT)
    changed.refresh()
    assert gone not in customers(changed, SCORE) | customers(changed, INPUT)
    assert list(changed.frame(MODEL)["model_id"]) == list(before["model_id"])
