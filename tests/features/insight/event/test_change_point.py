"""The probability of a change equals a plain computation, and no later statement changes it."""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import date, timedelta

import pytest

from features.insight.event.change_point import ChangeModel, changes
from pipelines.engine.session import Engine

MODEL = ChangeModel(prior=0.1, error=0.1, certain_from=0.8)
START, END = date(2017, 1, 1), date(2017, 12, 31)
Statement = tuple[str, date, str]


def compute(
    sail: Engine, rows: list[Statement], days: tuple[date, ...] = (END,)
) -> dict[tuple[str, date], tuple[float, date | None, date | None]]:
    frame = changes(sail.spark.createDataFrame(rows, "customer_id string, day date, value string"), days, MODEL)
    return {(row[0], row[1]): tuple(row[2:]) for row in frame.collect()}


def by_hand(rows: list[Statement]) -> float | None:
    """The same probability by plain loops: every split, both values by their mean day."""
    rows = sorted(rows, key=lambda row: row[1:])
    if len(rows) < 2:
        return None
    top = sorted(Counter(row[2] for row in rows).items(), key=lambda item: (-item[1], item[0]))[:2]
    if len(top) < 2:
        mean = 0.0
    else:
        mean_day = {v: sum(r[1].toordinal() for r in rows if r[2] == v) / n for v, n in top}
        old, new = sorted((v for v, _ in top), key=lambda v: (mean_day[v], v))
        most = max(n for _, n in top)
        weights = []
        for k in range(1, len(rows)):
            agreeing = sum(r[2] == old for r in rows[:k]) + sum(r[2] == new for r in rows[k:])
            weights.append(((1 - MODEL.error) / MODEL.error) ** (agreeing - most))
        mean = sum(weights) / len(weights)
    return MODEL.prior * mean / (1 - MODEL.prior + MODEL.prior * mean)


def draw(seed: int, customers: int = 60) -> list[Statement]:
    rng = random.Random(seed)
    rows = set()
    for number in range(customers):
        moved = START + timedelta(rng.randrange(365))
        for _ in range(rng.randint(1, 9)):
            day = START + timedelta(rng.randrange(365))
            home = "B" if number % 2 and day >= moved else "A"
            rows.add((f"c_{number}", day, rng.choice("CD") if rng.random() < 0.1 else home))
    return sorted(rows)


def of_values(values: str, customer: str = "c") -> list[Statement]:
    return [(customer, START + timedelta(n), value) for n, value in enumerate(values)]


def test_the_probability_equals_that_of_plain_loops(sail: Engine) -> None:
    rows = draw(1)
    found = compute(sail, rows)
    for customer in {row[0] for row in rows}:
        expected = by_hand([row for row in rows if row[0] == customer])
        if expected is None:
            assert (customer, END) not in found
        else:
            assert math.isclose(found[customer, END][0], expected, rel_tol=1e-9), customer


def test_a_clear_change_is_found_and_dated_and_a_visit_elsewhere_is_not(sail: Engine) -> None:
    rows = [*of_values("AAABBB", "moved"), *of_values("AABAAA", "visited"), *of_values("ABABAB", "two homes"),
            *of_values("AAAA", "stayed")]  # fmt: skip
    found = {customer: row for (customer, _), row in compute(sail, rows).items()}
    assert found["moved"][1:] == (START + timedelta(2), START + timedelta(3))
    for other in ("visited", "two homes", "stayed"):
        assert found[other][0] < 0.5
        assert found[other][1:] == (None, None)


@pytest.mark.parametrize("day", [date(2017, 4, 30), date(2017, 9, 30)])
def test_no_later_statement_changes_a_day(sail: Engine, day: date) -> None:
    rows = draw(2)
    whole = {key: row for key, row in compute(sail, rows, (day, END)).items() if key[1] == day}
    assert whole == compute(sail, [row for row in rows if row[1] <= day], (day,))
    assert whole != {(c, day): row for (c, _), row in compute(sail, rows).items()}  # later statements do matter


def test_many_statements_give_no_overflow(sail: Engine) -> None:
    rows = of_values("A" * 180 + "B" * 180)
    assert compute(sail, rows)["c", END][0] == pytest.approx(1.0)
