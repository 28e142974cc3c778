"""The measures of a day use the past only, the labels use the horizon only, and both agree with a plain recount."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, Window

from features.insight.model import score_input
from features.insight.model.measure_name import CATEGORY_LISTS, LABELS, MEASURES
from features.insight.model.score_input import NEW_CATEGORY_DAYS, customer_score_input
from pipelines.engine.session import Engine

START, HORIZON = date(2017, 1, 1), 60
DAYS = (date(2017, 4, 30), date(2017, 7, 31), date(2017, 10, 31))
SCHEMA = (
    "order_id bigint, customer_id string, ordered_at timestamp_ntz, order_date date, store_id bigint, quantity bigint, "
    "sales_value decimal(12,2), list_value decimal(12,2), retail_discount decimal(12,2), "
    "coupon_discount decimal(12,2), coupon_match_discount decimal(12,2), product_category string, brand_type string, "
    "is_merchandise boolean"
)
COLUMNS = [field.split()[0] for field in SCHEMA.split(", ")]
Line = dict[str, Any]


def make_lines(seed: int, customers: int = 12, orders: int = 260) -> list[Line]:
    """Return order lines over 300 days; some customers stop, and some lines have no customer."""
    draw, lines = random.Random(seed), []
    for number in range(orders):
        customer = draw.randrange(customers + 1)
        at = datetime(2017, 1, 1) + timedelta(draw.randrange(300 if customer % 3 else 150), hours=draw.randrange(24))
        for _ in range(draw.randint(1, 5)):
            price, cut = Decimal(draw.randint(100, 900)) / 100, Decimal(draw.choice([0, 0, 10, 40])) / 100
            coupon = Decimal(draw.choice([0, 0, 0, 5])) / 100
            lines.append({
                "order_id": number, "customer_id": f"c_{customer}" if customer < customers else None, "ordered_at": at,
                "order_date": at.date(), "store_id": draw.randrange(4), "quantity": draw.randint(0, 3),
                "sales_value": price - cut, "list_value": price, "retail_discount": cut, "coupon_discount": coupon,
                "coupon_match_discount": Decimal(0), "product_category": f"category {draw.randrange(8)}",
                "brand_type": draw.choice(["National", "Private", None]), "is_merchandise": draw.random() < 0.9,
            })  # fmt: skip
    return lines


def rows(engine: Engine, lines: list[Line], days: tuple[date, ...] = DAYS) -> dict[tuple[str, date], dict[str, Any]]:
    frame: DataFrame = engine.spark.createDataFrame([tuple(line[c] for c in COLUMNS) for line in lines], SCHEMA)
    found = customer_score_input(frame, days, horizon_days=HORIZON).toArrow().to_pylist()
    return {(row["customer_id"], row["as_of"]): row for row in found}


def past(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in (*MEASURES, "is_premium", *CATEGORY_LISTS)}


def same(one: dict[str, Any], two: dict[str, Any]) -> bool:
    return all(a == b or a == pytest.approx(b, rel=1e-9) for a, b in zip(one.values(), two.values(), strict=True))


def changed_after(day: date, lines: list[Line], seed: int) -> list[Line]:
    """Return the lines with all those after the day replaced by others."""
    return [line for line in lines if line["order_date"] <= day] + [
        line for line in make_lines(seed, orders=150) if line["order_date"] > day
    ]


def looks_ahead(engine: Engine, seed: int) -> list[tuple[str, date]]:
    lines = make_lines(seed)
    before = rows(engine, lines)
    found = []
    for day in DAYS[:2]:
        after = rows(engine, changed_after(day, lines, seed + 1))
        keys = {key for key in before if key[1] == day}
        assert keys == {key for key in after if key[1] == day}
        assert keys
        found += [key for key in keys if not same(past(before[key]), past(after[key]))]
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_no_measure_of_a_day_changes_with_what_happens_later(seed: int, sail: Engine) -> None:
    assert looks_ahead(sail, seed) == []


def test_a_usual_price_that_counts_later_lines_is_found(sail: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    window = Window

    class WholeHistory(window):  # type: ignore[misc, valid-type]
        @staticmethod
        def partitionBy(*columns: Any) -> Any:  # noqa: N802
            found = window.partitionBy(*columns)
            return found.rowsBetween(window.unboundedPreceding, window.unboundedFollowing)

    order: Callable[..., Any] = score_input._with_price_level
    monkeypatch.setattr(score_input, "_with_price_level", lambda lines: _with(WholeHistory, order, lines, monkeypatch))
    assert looks_ahead(sail, 1)


def _with(window: Any, function: Callable[..., Any], lines: DataFrame, patch: pytest.MonkeyPatch) -> Any:
    with patch.context() as inside:
        inside.setattr(score_input, "Window", window)
        return function(lines)


def test_the_rows_agree_with_a_plain_recount(sail: Engine) -> None:
    lines = [line for line in make_lines(7) if line["customer_id"]]
    found = rows(sail, lines)
    last = max(line["order_date"] for line in lines)
    assert set(found) == {(line["customer_id"], day) for line in lines for day in DAYS if line["order_date"] <= day}
    for (customer, day), row in found.items():
        own = [line for line in lines if line["customer_id"] == customer]
        before = [line for line in own if line["order_date"] <= day]
        dates = sorted({line["order_date"] for line in before})
        gaps = [(b - a).days for a, b in itertools.pairwise(dates)]
        assert row["days_since_last_order"] == (day - dates[-1]).days
        assert row["order_count_90d"] == sum((day - one).days < 90 for one in dates)
        assert row["sales_value_30d"] == pytest.approx(
            float(sum(line["sales_value"] for line in before if (day - line["order_date"]).days < 30))
        )
        assert row["mean_gap_days"] == (pytest.approx(sum(gaps) / len(gaps)) if gaps else None)
        _check_categories(row, before, day)
        _check_labels(row, own, day, last)
    assert {row["tries_new_category"] for row in found.values()} == {True, False, None}


def _check_categories(row: dict[str, Any], before: list[Line], day: date) -> None:
    bought = {(line["product_category"], line["order_date"]) for line in before if line["is_merchandise"]}
    counts = Counter(name for name, _ in bought)
    latest = {name: max(on for other, on in bought if other == name) for name in counts}
    order = sorted(counts, key=lambda name: (-counts[name], (day - latest[name]).days, name))[: score_input.LISTED]
    assert (row["category_names"] or []) == order
    assert (row["category_order_days"] or []) == [counts[name] for name in order]


def _check_labels(row: dict[str, Any], own: list[Line], day: date, last: date) -> None:
    after = [line for line in own if 0 < (line["order_date"] - day).days <= HORIZON]
    soon = any((line["order_date"] - day).days <= 7 for line in after)
    assert row["buys_next_week"] == (soon if day + timedelta(7) <= last else None)
    if day + timedelta(HORIZON) > last:
        assert all(row[name] is None for name in LABELS if name != "buys_next_week")
        return
    assert row["churned"] == (not after)
    assert row["spend_next"] == pytest.approx(float(sum(line["sales_value"] for line in after)))
    used = {
        line["product_category"] for line in own if line["is_merchandise"] and 0 <= (day - line["order_date"]).days < 90
    }
    bought = {(line["product_category"], line["order_date"]) for line in after if line["is_merchandise"]}
    counts = Counter(name for name, _ in bought if name not in used)
    assert row["tries_new_category"] == any(count >= NEW_CATEGORY_DAYS for count in counts.values())
    first = min((line["order_date"] for line in after), default=None)
    names = sorted(
        {line["product_category"] for line in after if line["order_date"] == first and line["is_merchandise"]}
    )
    assert row["next_categories"] == (names if after else None)


def test_premium_customers_are_the_upper_third_and_only_others_can_become_premium(sail: Engine) -> None:
    found = rows(sail, make_lines(5, customers=40, orders=900))
    for day in DAYS[:2]:
        own = [row for (_, on), row in found.items() if on == day]
        shares = sorted(row["premium_share_90d"] for row in own if row["premium_share_90d"] is not None)
        assert [row["is_premium"] for row in own if row["premium_share_90d"] is None].count(None) == len(own) - len(
            shares
        )
        assert sum(bool(row["is_premium"]) for row in own) == pytest.approx(len(shares) / 3, abs=1)
        assert all(row["is_premium"] is False for row in own if row["is_premium_next"] is not None)
        assert {row["is_premium_next"] for row in own} == {True, False, None}


def test_labels_are_unknown_until_the_horizon_is_over(sail: Engine) -> None:
    found = rows(sail, make_lines(3))
    assert {key[1] for key, row in found.items() if row["churned"] is not None} == set(DAYS[:2])
