"""The best channel and hour are those of plain sums, smoothed towards all customers, and never look ahead."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from features.insight.event.contact import CHANNELS, HOURS, PRIOR_DAYS, WINDOW_DAYS, contact
from pipelines.engine.session import Engine

DAYS = (date(2017, 6, 30), date(2017, 12, 31))
Event = tuple[str | None, date, datetime, str]


def draw(seed: int) -> list[Event]:
    rng = random.Random(seed)
    rows: list[Event] = []
    for _ in range(1500):
        customer = rng.choice([*(f"c_{n}" for n in range(25)), None])
        day = date(2017, 1, 1) + timedelta(rng.randrange(365))
        at = datetime.combine(day, time(rng.choice([3, 9, 12, 12, 20, 23]), rng.randrange(60)))
        rows.append((customer, day, at, rng.choice(["web", "web", "app", "service", "store", "delivery"])))
    return rows


def compute(engine: Engine, rows: list[Event], days: tuple[date, ...] = DAYS) -> dict[tuple[str, date], dict[str, Any]]:
    schema = "customer_id string, event_date date, event_at timestamp_ntz, channel string"
    frame = contact(engine.spark.createDataFrame(rows, schema), days)
    return {(row["customer_id"], row["as_of"]): row.asDict() for row in frame.collect()}


def by_hand(rows: list[Event], day: date, place: int) -> dict[str, tuple[str | int, float]]:
    """The best channel (place 3) or hour (place 2) of each customer by plain sums."""
    seen = [r for r in rows if r[0] and r[3] in CHANNELS and timedelta(0) <= day - r[1] < timedelta(WINDOW_DAYS)]
    value = {r: r[3] if place == 3 else r[2].hour for r in seen}
    visits = {(r[0], r[1], value[r]) for r in seen if place == 3 or value[r] in HOURS}
    everyone = Counter(v for _, _, v in visits)
    found = {}
    for customer in {r[0] for r in seen}:
        own = Counter(v for c, _, v in visits if c == customer)
        share = {
            v: (own[v] + PRIOR_DAYS * n / everyone.total()) / (own.total() + PRIOR_DAYS) for v, n in everyone.items()
        }
        best = min(share, key=lambda v: (-round(share[v], 12), v))
        found[str(customer)] = (best, share[best])
    return found


def test_the_best_channel_and_hour_equal_plain_sums(engine: Engine) -> None:
    rows = draw(1)
    found = compute(engine, rows)
    for day in DAYS:
        for name, place in (("channel", 3), ("hour", 2)):
            expected = by_hand(rows, day, place)
            assert expected.keys() == {customer for customer, at in found if at == day}
            for customer, (value, share) in expected.items():
                row = found[customer, day]
                assert row[f"best_{name}_share"] == pytest.approx(share)
                assert row[f"best_{name}"] == value


def test_no_later_event_changes_a_day(sail: Engine) -> None:
    rows, day = draw(2), DAYS[0]
    whole = {key: row for key, row in compute(sail, rows).items() if key[1] == day}
    known = compute(sail, [row for row in rows if row[1] <= day], (day,))
    assert {key: _rounded(row) for key, row in whole.items()} == {key: _rounded(row) for key, row in known.items()}


def test_one_visit_does_not_outweigh_the_habit_of_all(sail: Engine) -> None:
    noon = datetime(2017, 12, 1, 12)
    rows: list[Event] = [(f"c_{n}", noon.date(), noon, "app") for n in range(50)]
    rows.append(("new", noon.date(), noon, "web"))
    rows += [("often", noon.date() - timedelta(n), noon, "web") for n in range(9)]
    found = {key[0]: row["best_channel"] for key, row in compute(sail, rows, DAYS[1:]).items()}
    assert (found["new"], found["often"]) == ("app", "web")


def test_no_hour_lies_in_the_night_and_a_customer_of_the_night_gets_the_habit_of_all(sail: Engine) -> None:
    day = date(2017, 12, 1)
    rows: list[Event] = [("owl", day - timedelta(n), datetime(2017, 12, 1, 23), "web") for n in range(20)]
    rows += [("lark", day, datetime(2017, 12, 1, 9), "web")]
    assert {row["best_hour"] for row in compute(sail, rows, DAYS[1:]).values()} == {9}


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 12) if isinstance(value, float) else value for name, value in row.items()}
