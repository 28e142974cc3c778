"""Rows of the tables: when a fit is due, their columns, and whose they are."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features.insight.group_size import K
from features.recommend import table
from features.recommend.card import RecommenderCard, fit_with_card
from features.recommend.catalogue import Catalogue
from features.recommend.context import CONTEXTS
from features.recommend.form import CANDIDATE, CANDIDATE_SCHEMA, ITEM, ITEM_SCHEMA, MODEL
from features.recommend.history import PurchaseHistory
from features.recommend.objective import Objective
from features.recommend.population import learn_population
from features.recommend.reason import REASONS
from features.recommend.recommender import FREQUENCY, Recommender
from installation.contract.document import load_contracts
from tests.features.recommend.habits import GROUPS, LAST, catalogue, habit_lines, habits, price_of

END = table.end_of(LAST)


@pytest.fixture(scope="module")
def fit() -> tuple[Recommender, RecommenderCard]:
    return fit_with_card(habits(), catalogue(), LAST, 3, {"relevance": Objective()})


def items_of(lines: pa.Table, known: Catalogue | None = None) -> dict[str, dict[str, Any]]:
    """Return the rows of items by id; items with an odd number sell on Monday mornings, the others in the evening."""
    known = known or catalogue()
    products = pa.table({
        "item": pa.array(known.items[::-1], pa.string()),
        "product_type": pa.array([GROUPS[one][0] for one in known.items[::-1]], pa.string()),
        "product_category": pa.array([None] * len(known.items), pa.string()),
        "price": pa.array([price_of(one) for one in known.items[::-1]], pa.float64()),
    })  # fmt: skip
    history = PurchaseHistory.of_table(lines).of_items(known.items)
    hours = [9 if int(one[1:]) % 2 else 20 for one in lines["item"].to_pylist()]
    # 1 June 2026 is a Monday.
    moments = lines.append_column(
        "ordered_at", pa.array([datetime(2026, 6, 1, one) for one in hours], pa.timestamp("us"))
    )
    rows = table.item_rows(products, history, known, learn_population(history, END, known), moments, LAST)
    assert rows.schema == ITEM_SCHEMA
    return {row["item_id"]: row for row in rows.to_pylist()}


@pytest.mark.parametrize(("name", "schema"), [(ITEM, ITEM_SCHEMA), (CANDIDATE, CANDIDATE_SCHEMA)])
def test_the_columns_are_those_of_the_contract(name: str, schema: pa.Schema) -> None:
    declared = load_contracts().table(name).arrow_schema()
    assert {one.name: one.type for one in schema} == {one.name: one.type for one in declared}


def test_a_fit_is_due_without_one_and_after_28_days() -> None:
    rows = [{"fitted_on": LAST - timedelta(days=days), "number": 9 - days} for days in (5, 1)]
    assert table.is_due([], LAST)
    assert not table.is_due(rows, LAST)
    assert not table.is_due(rows, LAST + timedelta(days=26))
    assert table.is_due(rows, LAST + timedelta(days=27))
    assert not table.is_due(rows, LAST - timedelta(days=90)), "a day in the past fits nothing"
    assert (table.next_number([]), table.next_number(rows)) == (1, 9)


def test_the_row_of_a_model_fits_the_contract_and_gives_the_model_back(
    fit: tuple[Recommender, RecommenderCard],
) -> None:
    row = table.model_row(*fit)
    contract = load_contracts().table(MODEL)
    stored = pa.Table.from_pylist([row], contract.arrow_schema())
    assert not any(column.null_count for column in stored.columns)
    assert set(row) == {column.name for column in contract.columns}
    older = [row | {"version": f"frequency/{one}", "number": one, "parameters": FREQUENCY.to_json()} for one in (1, 2)]
    kept = table.newest_models([older[1], row, older[0]])
    assert list(kept) == ["hybrid/3", "frequency/2"]
    assert kept == {"hybrid/3": fit[0], "frequency/2": FREQUENCY}


def test_each_product_has_one_row_with_its_own_figures() -> None:
    found = items_of(habit_lines())
    assert list(found) == sorted(GROUPS)
    assert all(row["price"] == price_of(item) and row["product_type"] == GROUPS[item][0] for item, row in found.items())
    history = habits()
    later = history.between(END - 28, END)
    bought = len(set(later.customer[later.item == 7].tolist())) / len(set(later.customer.tolist()))
    assert found["i07"]["popularity"] == pytest.approx(bought)
    assert found["i07"]["as_of"] == LAST


def test_a_figure_of_fewer_than_k_customers_is_zero_or_null() -> None:
    def rare(buyers: int) -> dict[str, Any]:
        rows = [row for row in habit_lines().to_pylist() if row["item"] != "i59"]
        bought = {"item": "i59", "order_date": LAST, "quantity": 1, "sales_value": 6.9, "list_value": 6.9}
        rows += [bought | {"customer_id": f"c{one:03d}"} for one in range(buyers)]
        return items_of(pa.Table.from_pylist(rows, habit_lines().schema))["i59"]

    few, enough = rare(K - 1), rare(K)
    figures = ("price_trait", "quality_trait", "convenience_trait", "popularity")
    assert [few[name] for name in figures] == [0, 0, 0, 0]
    assert few["context_lifts"] is None
    assert all(enough[name] for name in figures)
    assert enough["popularity"] == K / 120
    assert len(enough["context_lifts"]) == len(CONTEXTS)


@pytest.mark.parametrize("known", [catalogue(), Catalogue.of({})])
def test_without_purchases_or_products_there_are_no_figures(known: Catalogue) -> None:
    found = items_of(habit_lines().slice(0, 0), known)
    assert list(found) == list(known.items)
    assert not any(row["popularity"] or row["context_lifts"] or row["price_trait"] for row in found.values())


def candidates(fit: tuple[Recommender, RecommenderCard], history: PurchaseHistory) -> list[dict[str, Any]]:
    models = {"hybrid/3": fit[0], "frequency/2": FREQUENCY}
    parts = list(table.candidate_rows(models, history, learn_population(history, END, catalogue()), LAST))
    assert all(part.schema == CANDIDATE_SCHEMA for part in parts)
    return [row for part in parts for row in part.to_pylist()]


def test_each_customer_has_one_row_whose_lists_belong_together(fit: tuple[Recommender, RecommenderCard]) -> None:
    found = candidates(fit, habits())
    assert [row["customer_id"] for row in found] == list(habits().customers)
    for position, row in enumerate(found):
        size = len(row["item_ids"])
        assert size == len(set(row["item_ids"])) == len(row["is_new"]) == len(row["reasons"])
        assert (row["versions"], len(row["scores"])) == (["hybrid/3", "frequency/2"], 2 * size)
        assert size <= 2 * (table.LISTED + table.LISTED_NEW)
        own = {habits().items[one] for one in habits().item[habits().customer == position]}
        assert [item not in own for item in row["item_ids"]] == [bool(new) for new in row["is_new"]]
        assert set(",".join(row["reasons"]).split(",")) <= REASONS.keys() | {""}
        assert np.isfinite(row["scores"]).all()


def test_a_row_holds_its_own_id_only(fit: tuple[Recommender, RecommenderCard]) -> None:
    names = habits().customers
    for row in candidates(fit, habits()):
        text = json.dumps(row, default=date.isoformat)
        assert [name for name in names if name in text] == [row["customer_id"]]
    card = json.dumps([fit[0].to_json(), fit[1].to_json()])
    assert not [name for name in names if name in card]


def test_nobody_of_whom_no_purchase_is_known_has_a_row(fit: tuple[Recommender, RecommenderCard]) -> None:
    assert not candidates(fit, habits().before(0))
