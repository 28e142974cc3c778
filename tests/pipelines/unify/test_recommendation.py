"""Tables of recommendation on a market with planted habits: whose purchases are used, what is named, and when."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pandas as pd
import pytest

from bench.insight.permitted_person import permitted_customers
from features.insight.group_size import K
from features.recommend import recommender
from features.recommend.form import CANDIDATE, ITEM, MODEL
from features.recommend.history import PurchaseHistory
from features.sensitive_name import is_sensitive_name
from installation.contract.document import Contracts
from pipelines.unify import recommendation
from pipelines.unify.registry import TABLES
from tests.pipelines.conftest import AS_OF, MOMENT, Built, agree
from tests.pipelines.unify.market import Row, land

Build = Callable[..., Built]
SENSITIVE = {"BEER": "BEERS/ALES", "CIGARETTES": "CIGARETTES", "BABY DIAPERS": "BABY DIAPERS", "BREAD": "KOSHER BREAD"}
"""Categories and types of sensitive products that everybody of the planted customers buys."""
PLAIN = range(500, 530)
SECRET = range(600, 600 + len(SENSITIVE))
RARE = 700
"""A product that K − 1 customers buy."""


def planted() -> dict[str, list[Row]]:
    """Return seventy households that buy own products and a sensitive one each week, from June to February."""
    random = Random(11)
    products = [
        {"product_id": number, "manufacturer_id": 1, "department": "GROCERY", "brand": "National",
         "product_category": category, "product_type": kind, "package_size": "1 LB"}
        for number, (category, kind) in [
            *((n, (f"CATEGORY {n % 5}", f"TYPE {n % 10}")) for n in (*PLAIN, RARE)),
            *zip(SECRET, SENSITIVE.items(), strict=True),
        ]
    ]  # fmt: skip
    lines = []
    for household in range(1001, 1071):
        own = random.sample(PLAIN, 5)
        for week in range(-8, 26):
            at = datetime.combine(AS_OF, time(10)) - timedelta(days=7 * week + random.randrange(1, 7))
            bought = {*random.sample(own, 3), random.choice(PLAIN), random.choice(SECRET)}
            bought |= {RARE} if household < 1000 + K else set()
            order = {
                "household_id": household, "store_id": 1, "basket_id": household * 100 + week + 8, "quantity": 1,
                "retail_disc": Decimal(0), "coupon_disc": Decimal(0), "coupon_match_disc": Decimal(0),
                "week": (at.timetuple().tm_yday - 1) // 7 + 1, "transaction_timestamp": at,
            }  # fmt: skip
            lines += [order | {"product_id": one, "sales_value": Decimal(one % 7 + 1)} for one in sorted(bought)]
    return {"cj_products": products, "cj_transactions": lines}


def names_of(built: Built) -> list[str]:
    return sorted(set(built.frame("silver/identifier")["customer_id"]))


def some_refuse(built: Built) -> None:
    """Of ten customers one refuses, one withdraws, one objects to the training; one says nothing.

    Who does is drawn by the account, so that nobody is told of twice in different ways when others join.
    """
    known = built.frame("silver/identifier").drop_duplicates("customer_id")
    for customer, token in zip(known["customer_id"], known["token"], strict=True):
        kind = int(token[:8], 16) % 10
        if kind == 9:
            continue
        agree(built, customer, "personalisation", "refused" if kind == 0 else "given")
        later = {"effective_at": MOMENT - timedelta(90), "recorded_at": MOMENT - timedelta(90)}
        if kind == 1:
            agree(built, customer, "personalisation", "withdrawn", **later)
        if kind == 2:
            agree(built, customer, "model_training", "objected", record_id=f"t_{customer}", **later)


def needed(contracts: Contracts) -> tuple[str, ...]:
    """Return the tables of recommendation and those that they are built from."""
    tables = {derived.name: derived for derived in TABLES}
    found, waiting = set[str](), [MODEL, ITEM, CANDIDATE, "silver/consent_event", "silver/permission"]
    while waiting:
        if (one := waiting.pop()) in tables and one not in found:
            found.add(one)
            waiting += [*tables[one].all_inputs(contracts), *tables[one].recalls]
    return tuple(sorted(found))


@pytest.fixture(scope="module")
def learned() -> set[str]:
    """Customers whose purchases a recommender was fitted on."""
    return set()


@pytest.fixture(scope="module")
def built(build_market: Build, contracts: Contracts, learned: set[str]) -> Built:
    made = build_market("sail", needed(contracts), ("cj_products", "cj_transactions"), speak=some_refuse)
    land(made.lakehouse.root, contracts, planted(), "load_2")
    fit = recommendation.fit_with_card

    def remember(history: PurchaseHistory, *others: Any) -> Any:
        learned.update(history.customers[one] for one in set(history.customer.tolist()))
        return fit(history, *others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recommender, "FEWEST_CUSTOMERS", 30)
        patch.setattr(recommendation, "fit_with_card", remember)
        made.refresh()
    return made


def permitted(built: Built, own: str = "personalisation") -> set[str]:
    with closing(built.context.agreed.open()) as store:
        return permitted_customers(store, built.context.agreed.moment, own)


def lines_of(built: Built) -> pd.DataFrame:
    """Return the lines of products that can be recommended, until the day of the run."""
    lines = built.frame("silver/order_line")
    listed = lines["product_id"].astype(str).isin(built.frame(ITEM)["item_id"])
    return lines[listed & (lines["quantity"] > 0) & (lines["order_date"] <= AS_OF)]


def buyers(built: Built) -> set[str]:
    return set(lines_of(built)["customer_id"].dropna())


def test_only_who_permits_the_training_is_fitted_on(built: Built, learned: set[str]) -> None:
    assert learned
    assert learned <= permitted(built, "model_training")
    assert permitted(built) & buyers(built) - learned, "some permit personalisation and refuse the training"
    (row,) = built.frame(MODEL).to_dict("records")
    assert (row["number"], row["fitted_on"], row["customer_count"]) == (1, AS_OF, len(learned) // 10 * 10)
    assert row["version"] in ("hybrid/1", "frequency/1")


def test_only_who_permits_personalisation_has_a_row(built: Built) -> None:
    rows = built.frame(CANDIDATE)
    assert set(rows["customer_id"]) == permitted(built) & buyers(built)
    assert set(rows["as_of"]) == {AS_OF}
    assert buyers(built) - permitted(built), "others buy as well"
    for row in rows.to_dict("records"):
        assert len(row["item_ids"]) == len(row["is_new"]) == len(row["scores"]) == len(row["reasons"]) > 0


def test_no_neighbour_is_one_who_refuses_the_training(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    pool: set[str] = set()
    learn = recommendation.learn_population

    def remember(*given: Any) -> Any:
        found = learn(*given)
        pool.update(found.pool)
        return found

    monkeypatch.setattr(recommendation, "learn_population", remember)
    candidates(built)
    assert pool
    assert pool <= permitted(built, "model_training")


def test_no_sensitive_product_is_in_any_table(built: Built) -> None:
    products = built.frame("silver/product").set_index("product_id")
    sold = set(built.frame("silver/order_line")["product_id"])
    secret = {
        str(one) for one, row in products.iterrows()
        if is_sensitive_name(row["product_type"] or "") or is_sensitive_name(row["product_category"] or "")
    }  # fmt: skip
    assert {str(one) for one in SECRET} <= secret
    assert set(SECRET) <= sold
    items = set(built.frame(ITEM)["item_id"])
    listed = {item for items in built.frame(CANDIDATE)["item_ids"] for item in items}
    assert not (items | listed) & secret
    assert {str(one) for one in PLAIN} <= items
    assert listed <= items
    models = built.frame(MODEL)[["card", "parameters"]].to_numpy().ravel()
    assert not [text for text in models if "BEER" in text or "DIAPER" in text]


def test_figures_of_fewer_than_k_customers_are_zero_or_null(built: Built) -> None:
    items = built.frame(ITEM).set_index("item_id")
    figures = ["price_trait", "quality_trait", "convenience_trait", "popularity"]
    assert not items.loc[str(RARE), figures].any()
    assert items.loc[str(RARE), "context_lifts"] is None
    lines = lines_of(built)[lambda rows: rows["customer_id"].isin(permitted(built))]
    lately = lines[lines["order_date"] > AS_OF - timedelta(28)]
    recent = lately.groupby("product_id")["customer_id"].nunique()
    everybody = lately["customer_id"].nunique()
    told = 0
    for item, row in items.iterrows():
        count = recent.get(int(item), 0)
        assert row["popularity"] == pytest.approx(count / everybody if count >= K else 0)
        told += count >= K
    assert told > 5
    assert items["price_trait"].astype(bool).sum() > 20


def test_the_tables_hold_no_id_of_another_customer(built: Built) -> None:
    names = names_of(built)
    text = built.frame(ITEM).to_json(default_handler=str) + built.frame(MODEL).to_json(default_handler=str)
    assert not [name for name in names if name in text]
    for row in built.frame(CANDIDATE).to_dict("records"):
        told = json.dumps({key: list(value) if hasattr(value, "__len__") else str(value) for key, value in row.items()},
                          default=str)  # fmt: skip
        assert [name for name in names if name in told] in ([], [row["customer_id"]])


def candidates(built: Built) -> pd.DataFrame:
    """Return the rows of candidates as they are built from the tables, of customers who permit it."""
    contract = built.context.contracts.table(CANDIDATE)
    named = (MODEL, recommendation.LINES, recommendation.PRODUCTS, recommendation.PERMISSIONS)
    inputs = built.row_filter.keep_inputs({name: built.lakehouse.read(name) for name in named}, contract)
    rows = recommendation.build_candidates(inputs, built.context).toPandas()
    return rows.sort_values("customer_id", ignore_index=True)


def test_parts_of_customers_give_the_rows_of_one_part(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recommendation, "_sample", lambda lines: lines)
    whole = candidates(built)
    sizes: list[int] = []
    history = recommendation._history

    def remember(lines: Any, catalogue: Any) -> PurchaseHistory:
        found = history(lines, catalogue)
        sizes.append(len(set(found.customer.tolist())))
        return found

    monkeypatch.setattr(recommendation, "_history", remember)
    monkeypatch.setattr(recommendation, "SAMPLE_CUSTOMERS", 20)
    parts = candidates(built)
    assert sum(sizes[1:]) == len(whole)
    assert len(sizes) > 3
    assert [list(one) for one in parts["item_ids"]] == [list(one) for one in whole["item_ids"]]
    assert list(parts["customer_id"]) == list(whole["customer_id"])
    for ours, theirs in zip(parts["scores"], whole["scores"], strict=True):
        assert list(ours) == pytest.approx(list(theirs), abs=2e-4)


def test_a_version_is_kept_for_28_days_and_the_two_newest_score(
    build_market: Build, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recommender, "FEWEST_CUSTOMERS", 30)

    def versions(day: int) -> tuple[list[str], list[str]]:
        built.context = replace(built.context, as_of=AS_OF + timedelta(day))
        built.refresh()
        scored = {tuple(one) for one in built.frame(CANDIDATE)["versions"]}
        assert len(scored) == 1
        return sorted(built.frame(MODEL)["version"].str.partition("/")[2]), [v.partition("/")[2] for v in scored.pop()]

    before = built.frame(MODEL)
    assert versions(0) == (["1"], ["1"])
    assert versions(27) == (["1"], ["1"])
    assert versions(28) == (["1", "2"], ["2", "1"])
    assert versions(28) == (["1", "2"], ["2", "1"])
    after = built.frame(MODEL)
    assert after[after["number"] == 1].to_dict("records") == before.to_dict("records")
    assert versions(56) == (["1", "2", "3"], ["3", "2"])
    assert versions(112) == (["1", "2", "3"], ["3", "2"]), "nobody bought anything in the last horizon"


def test_too_few_customers_give_no_version_and_no_candidates(build_market: Build, contracts: Contracts) -> None:
    few = build_market("sail", needed(contracts), ("cj_products", "cj_transactions"), speak=some_refuse)
    assert few.frame(MODEL).empty
    assert few.frame(CANDIDATE).empty
    assert len(few.frame(ITEM)) > 20
