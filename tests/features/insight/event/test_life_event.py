"""Homes and names come from deliveries and registers, each statement once, and only of customers in the identifiers."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from features.insight.event.life_event import life_event, stated_homes
from pipelines.engine.session import Engine

START, DAY = date(2017, 1, 1), date(2017, 12, 31)
_ORDER = "customer_id string, order_date date, delivery_method string, delivery_sigungu string, delivery_dong string"
_REGISTER = (
    "member_no_token string, name_token string, sigungu string, dong string, updated_at timestamp_ntz, joined_on date"
)
_CARD = "card_no_token string, member_name_token string, issued_on date"
_IDENTIFIER = "token_kind string, token string, customer_id string"


def inputs(sail: Engine, orders: list[Any]) -> list[Any]:
    joined, changed = date(2015, 1, 1), datetime(2017, 9, 1, 12)
    entry = ("m1", "n1", "Suwon", "new", changed, joined)
    register = [entry, entry, ("m2", "n2", "Suwon", "old", None, joined), ("m9", "n9", "Suwon", "old", changed, joined)]
    cards = [("k1", "n0", date(2016, 1, 1)), ("k2", "n2", date(2016, 1, 1))]
    known = [("member_no", "m1", "a"), ("card_no", "k1", "a"), ("member_no", "m2", "b"), ("card_no", "k2", "b")]
    rows = ((orders, _ORDER), (known, _IDENTIFIER), (register, _REGISTER), (cards, _CARD))
    return [sail.spark.createDataFrame(found, schema) for found, schema in rows]


def delivered(customer: str | None, place: str | None, days: tuple[int, ...], method: str = "dawn") -> list[Any]:
    return [(customer, START + timedelta(day), method, "Suwon", place) for day in days]


def test_deliveries_and_the_register_together_show_a_move(sail: Engine) -> None:
    orders = delivered("a", "old", (10, 40, 70)) + delivered("a", "new", (200, 220))
    delivery, identifiers, register, cards = inputs(sail, orders)
    events = life_event(delivery, identifiers, register, cards, (DAY,))
    found = {row["customer_id"]: row for row in events.collect()}
    assert found["a"]["move_probability"] >= 0.8
    assert (found["a"]["moved_after"], found["a"]["moved_by"]) == (
        START + timedelta(70), START + timedelta(200),
    )  # fmt: skip
    assert 0.01 < found["a"]["name_change_probability"] < 0.8  # one entry with another name proves nothing
    assert found["a"]["name_changed_by"] is None
    assert found["b"]["name_change_probability"] < 0.01
    assert found["b"]["move_probability"] is None  # the register alone is one statement


def test_pickups_unknown_places_and_other_people_state_no_home(sail: Engine) -> None:
    orders = delivered("a", "shop", (300,), "pickup") + delivered("a", None, (301,)) + delivered(None, "old", (302,))
    rows = stated_homes(*inputs(sail, orders)[:3]).collect()
    assert sorted(map(tuple, rows)) == [("a", date(2017, 9, 1), "Suwon new"), ("b", date(2015, 1, 1), "Suwon old")]
