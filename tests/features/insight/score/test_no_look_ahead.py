"""Whatever is added, changed or removed after a day, no measure of that day in the training set changes."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.transform import snapshot
from pipelines.engine.session import Engine
from tests.features.insight.model.test_score_input import DAYS, Line, make_lines, past, rows, same

EXAMPLES = 8
Change = dict[str, Any]
CHANGES = st.lists(
    st.fixed_dictionaries({
        "kind": st.sampled_from(["add", "change", "remove"]), "place": st.integers(0, 10_000),
        "days_after": st.integers(1, 250), "customer": st.integers(0, 9), "hour": st.integers(0, 23),
        "value": st.integers(-500, 50_000), "quantity": st.integers(0, 9), "category": st.integers(0, 30),
        "is_merchandise": st.booleans(), "brand_type": st.sampled_from(["National", "Private", None]),
    }),
    min_size=1,
    max_size=40,
)  # fmt: skip


@cache
def lines() -> tuple[Line, ...]:
    return tuple(make_lines(5, customers=9, orders=90))


def changed(day: date, changes: list[Change]) -> list[Line]:
    """Return the lines after these changes, all of which concern orders after the day."""
    found = list(lines())
    for change in changes:
        later = [number for number, line in enumerate(found) if line["order_date"] > day]
        if change["kind"] == "add" or not later:
            found.append(_changed(found[change["place"] % len(found)], day, change))
            continue
        place = later[change["place"] % len(later)]
        if change["kind"] == "remove":
            del found[place]
        else:
            found[place] = _changed(found[place], day, change)
    return found


def _changed(line: Line, day: date, change: Change) -> Line:
    on = day + timedelta(change["days_after"])
    price = Decimal(change["value"]) / 100
    return line | {
        "customer_id": f"c_{change['customer']}", "order_date": on, "sales_value": price, "list_value": price,
        "ordered_at": datetime.combine(on, time(change["hour"])), "quantity": change["quantity"],
        "product_category": f"category {change['category']}", "is_merchandise": change["is_merchandise"],
        "brand_type": change["brand_type"],
    }  # fmt: skip


def differing(engine: Engine, day: date, changes: list[Change]) -> list[tuple[str, date]]:
    """Return customer and day of each row up to the day whose measures the changes alter, or that comes or goes."""
    before, after = rows(engine, list(lines())), rows(engine, changed(day, changes))
    ours, theirs = ({key: row for key, row in found.items() if key[1] <= day} for found in (before, after))
    gone = ours.keys() ^ theirs.keys()
    return sorted(gone | {key for key in ours.keys() & theirs.keys() if not same(past(ours[key]), past(theirs[key]))})


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=st.sampled_from(DAYS), changes=CHANGES)
def test_no_measure_depends_on_later_events(sail: Engine, day: date, changes: list[Change]) -> None:
    assert differing(sail, day, changes) == []


def test_measures_that_count_later_events_are_found(sail: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def ignores_the_end(day: Any, end: Any, window_days: int | None) -> Any:
        return day.isNotNull() if window_days is None else day > end - timedelta(window_days)

    monkeypatch.setattr(snapshot, "_is_within", ignores_the_end)
    change = {"kind": "add", "place": 0, "days_after": 3, "customer": 1, "hour": 9, "value": 4_000, "quantity": 1,
              "category": 3, "is_merchandise": True, "brand_type": None}  # fmt: skip
    assert differing(sail, DAYS[0], [change])
