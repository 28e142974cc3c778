"""Births and diets are found by the rule of the contract, and only where a consent covers data on health."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from features.insight.event.special_event import covering_health, special_event
from pipelines.engine.session import Engine

START, DAY = date(2017, 1, 1), date(2017, 12, 31)
DIAPERS, TOFU, BREAD = 1, 2, 3
_LINE = "customer_id string, product_id bigint, order_date date"
_PRODUCT = "product_id bigint, product_category string, product_type string"
_CONSENT = (
    "record_id string, subject_id string, customer_id string, purpose string, data_categories string, state string, "
    "effective_at timestamp_ntz, recorded_at timestamp_ntz, supersedes string"
)


def consent(customer: str, categories: str | None = "pd:Health", **fields: Any) -> tuple[Any, ...]:
    row = {
        "record_id": f"r_{customer}", "subject_id": customer, "customer_id": customer, "purpose": "sensitive_research",
        "data_categories": categories, "state": "given", "effective_at": datetime(2016, 1, 1),
        "recorded_at": datetime(2016, 1, 1), "supersedes": None,
    } | fields  # fmt: skip
    return tuple(row.values())


def lines(customer: str, product: int, days: Iterable[int]) -> list[tuple[str, int, date]]:
    return [(customer, product, START + timedelta(day)) for day in days]


def found(engine: Engine, bought: list[Any], consents: list[Any], days: tuple[date, ...] = (DAY,)) -> dict[str, Any]:
    spark = engine.spark
    products = [(DIAPERS, "DIAPERS & DISPOSABLES", "BABY DIAPERS"), (TOFU, "REFRIGERATED", "TOFU"),
                (BREAD, "BREAD", "WHITE BREAD")]  # fmt: skip
    frame = special_event(
        spark.createDataFrame(bought, _LINE),
        spark.createDataFrame(products, _PRODUCT),
        spark.createDataFrame(consents, _CONSENT),
        days,
    )
    return {f"{row['customer_id']} {row['as_of']}": row.asDict() for row in frame.collect()}


WEEKLY = range(0, 360, 7)


def test_a_birth_and_a_diet_are_found_by_the_rule(engine: Engine) -> None:
    bought = [row for name in "abcde" for row in lines(name, BREAD, WEEKLY)]
    bought += lines("a", DIAPERS, (200, 214, 230)) + lines("a", TOFU, (100, 110, 120, 300))
    bought += lines("b", DIAPERS, (200, 230))  # two purchases are a gift
    bought += lines("c", DIAPERS, (20, 200, 214, 230))  # bought them before, at most QUIET_DAYS earlier
    bought += lines("d", DIAPERS, (10, 20, 30))  # a new customer: nothing is known of the time before
    events = found(engine, bought, [consent(name) for name in "abcde"])
    assert list(events) == ["a 2017-12-31"]
    event = events["a 2017-12-31"]
    assert (event["birth_by"], event["birth_purchase_days"]) == (START + timedelta(200), 3)
    assert (event["diet"], event["diet_since"], event["diet_purchase_days"]) == (
        "plant_based", START + timedelta(100), 3,
    )  # fmt: skip


def test_no_later_purchase_changes_a_day(sail: Engine) -> None:
    bought = lines("a", BREAD, WEEKLY) + lines("a", DIAPERS, (200, 214, 230))
    early, late = START + timedelta(229), START + timedelta(230)
    assert list(found(sail, bought, [consent("a")], (early, late))) == [f"a {late}"]


@pytest.mark.parametrize(
    ("case", "consents"),
    [
        ("belief only", [consent("a", "pd:Religion")]),
        ("no categories", [consent("a", None)]),
        ("another purpose", [consent("a", purpose="research")]),
        ("refused", [consent("a", state="refused")]),
        ("superseded", [consent("a"), consent("a", record_id="r2", supersedes="r_a", state="withdrawn")]),
        ("newest covers belief only", [consent("a"), consent("a", "pd:Religion", record_id="r2",
                                                             effective_at=datetime(2017, 1, 1))]),
        ("one of two source persons", [consent("a"), consent("a", "pd:Religion", record_id="r2", subject_id="s2")]),
        ("known only later", [consent("a", recorded_at=datetime(2018, 1, 1))]),
    ],
)  # fmt: skip
def test_nothing_is_inferred_where_no_consent_covers_health(sail: Engine, case: str, consents: list[Any]) -> None:
    bought = lines("a", BREAD, WEEKLY) + lines("a", DIAPERS, (200, 214, 230))
    assert found(sail, bought, [consent("a")]) != {}
    assert found(sail, bought, consents) == {}, case


def test_a_consent_to_several_categories_covers_health(sail: Engine) -> None:
    rows = sail.spark.createDataFrame([consent("a", "pd:Religion, pd:MedicalHealth")], _CONSENT)
    assert [row["customer_id"] for row in covering_health(rows, (DAY,)).collect()] == ["a"]
