"""Life events are built only of customers who permit it, and births and diets only with explicit consent."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from pipelines.consent.proof import prove
from pipelines.unify.registry import TABLES
from tests.pipelines.conftest import CONSENTED, Built, agree
from tests.pipelines.unify.market import HOUSEHOLDS, START, Row, land

EVENTS = ("gold/customer_life_event", "gold/customer_special_event", "gold/customer_contact")
MADE = (*(d.name for d in TABLES if d.name.startswith("silver/")), "gold/order_history", *EVENTS)
BABY = 500
AGREED = datetime(2017, 1, 1)  # an older consent to marketing would have lapsed
GROUPS = 4
"""Customers in turn: all purposes with data on health, all with data on belief, no sensitive research, nothing."""


def customers(built: Built, *groups: int) -> set[str]:
    known = sorted(set(built.frame("silver/identifier")["customer_id"]))
    return {customer for number, customer in enumerate(known) if number % GROUPS in groups}


def speak(built: Built) -> None:
    for group in range(GROUPS):
        for customer in customers(built, group):
            for purpose in CONSENTED:
                is_sensitive = purpose == "sensitive_research"
                refuses = group == 3 or (group == 2 and is_sensitive)
                category = ("pd:Religion" if group == 1 else "pd:Health",) if is_sensitive else ()
                agree(built, customer, purpose, "refused" if refuses else "given", data_categories=category,
                      effective_at=AGREED, recorded_at=AGREED)  # fmt: skip


def lines() -> list[Row]:
    """Every household shops each week, and buys formula on three days of the autumn."""
    return [
        {"household_id": household, "store_id": 1, "basket_id": 10_000 + 100 * household + week, "product_id": product,
         "quantity": 1, "sales_value": Decimal(5), "retail_disc": Decimal(0), "coupon_disc": Decimal(0),
         "coupon_match_disc": Decimal(0), "week": week + 1, "transaction_timestamp": START + timedelta(weeks=week)}
        for household in HOUSEHOLDS for week in range(50) for product in (101, BABY)
        if product == 101 or week in (40, 42, 44)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def built(build_market) -> Built:
    made = build_market("sail", MADE, speak=speak)
    product = {"product_id": BABY, "manufacturer_id": 1, "department": "DRUG GM", "brand": "National",
               "product_category": "INFANT FORMULA", "product_type": "INFANT FORMULA STARTING"}  # fmt: skip
    land(made.lakehouse.root, made.context.contracts, {"cj_products": [product], "cj_transactions": lines()}, "load_2")
    made.refresh()
    return made


def test_births_are_found_of_all_buyers_whose_consent_covers_health_and_of_nobody_else(built: Built) -> None:
    buyers = set(built.lakehouse.read("silver/order_line").where(f"product_id = {BABY}").toPandas()["customer_id"])
    assert all(buyers & customers(built, group) for group in range(GROUPS))
    found = built.frame("gold/customer_special_event")
    assert set(found.dropna(subset=["birth_by"])["customer_id"]) == buyers & customers(built, 0)
    assert set(found["customer_id"]) <= customers(built, 0)


def test_life_events_and_contacts_have_only_customers_who_permit_them(built: Built) -> None:
    for name in ("gold/customer_life_event", "gold/customer_contact"):
        found = set(built.frame(name)["customer_id"])
        assert found, name
        assert found <= customers(built, 0, 1, 2)
        assert prove(built.context.contracts.table(name), built.lakehouse, built.context.agreed).holds


@pytest.mark.parametrize("name", EVENTS)
def test_the_rows_conform_to_the_contract(name: str, built: Built) -> None:
    contract, frame = built.context.contracts.table(name), built.frame(name)
    assert not frame.duplicated(list(contract.primary_key)).any()
    for column in contract.columns:
        values = frame[column.name].dropna()
        assert not column.required or len(values) == len(frame), column.name
        assert column.enum is None or set(values) <= set(column.enum), column.name
        assert column.minimum is None or not len(values) or values.min() >= column.minimum, column.name
        assert column.maximum is None or not len(values) or values.max() <= column.maximum, column.name


def test_births_and_diets_are_sensitive_serve_research_alone_and_are_no_features(built: Built) -> None:
    contract = built.context.contracts.table("gold/customer_special_event")
    assert not contract.feature_view
    inferred = [column for column in contract.columns if column.name not in contract.primary_key]
    assert {column.role for column in inferred} == {"sensitive"}
    assert {purpose for column in inferred for purpose in column.purposes} == {"sensitive_research"}
    assert {column.category for column in inferred} == {"pd:Health"}


def test_a_withdrawal_removes_the_birth_at_the_next_run(built: Built) -> None:
    found = sorted(built.frame("gold/customer_special_event")["customer_id"])
    one = found[0]
    agree(built, one, "sensitive_research", "withdrawn", effective_at=datetime(2017, 6, 1),
          recorded_at=datetime(2017, 6, 1), data_categories=("pd:Health",))  # fmt: skip
    built.refresh()
    assert sorted(built.frame("gold/customer_special_event")["customer_id"]) == found[1:]
