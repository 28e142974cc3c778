"""No feature of a day changes when later events are added.

Each transform computes several days from all events, and each day from the events known by its end. Both must agree.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from features.transform import snapshot
from features.transform.affinity import affinity
from features.transform.purchase_window import purchase_window
from features.transform.recent_activity import recent_activity
from features.transform.shopping_hour import shopping_hour
from pipelines.engine.session import Engine

START = date(2016, 11, 1)
DAYS = (date(2017, 2, 28), date(2017, 5, 31), date(2017, 11, 15))
Frames = Mapping[str, pd.DataFrame]
Compute = Callable[[Mapping[str, DataFrame], tuple[date, ...]], DataFrame]
TRANSFORMS: dict[str, Compute] = {
    "purchase_window": lambda t, days: purchase_window(t["orders"], t["lines"], t["calendar"], days),
    "affinity": lambda t, days: affinity(t["lines"], days),
    "shopping_hour": lambda t, days: shopping_hour(t["orders"], days),
    "recent_activity": lambda t, days: recent_activity(t["events"], days),
}

MONEY = "decimal(18,2)"
SCHEMAS = {
    "orders": f"customer_id string, order_date date, ordered_at timestamp_ntz, sales_value {MONEY}, list_value "
    f"{MONEY}, discount_value {MONEY}, line_count bigint, display_line_count bigint, channel string, "
    "shipped_at timestamp_ntz, delivery_method string",
    "lines": f"order_id bigint, customer_id string, order_date date, product_id bigint, quantity bigint, sales_value "
    f"{MONEY}, list_value {MONEY}, retail_discount {MONEY}, coupon_discount {MONEY}, coupon_match_discount {MONEY}, "
    "product_category string, manufacturer_id bigint, is_merchandise boolean",
    "events": "customer_id string, event_date date, event_at timestamp_ntz, channel string, event_type string, "
    "product_id bigint, session_id string, source string, event_id string",
    "calendar": "calendar_date date, is_pay_week boolean",
}


def make_events(seed: int) -> Frames:
    """Return orders, their lines and other events of 12 customers over 400 days, some of them without a customer."""
    draw = random.Random(seed)
    orders, lines, events = [], [], []
    for number in range(400):
        customer = draw.choice([*(f"c_{n}" for n in range(12)), None])
        at = datetime.combine(START + timedelta(draw.randrange(400)), time(draw.randrange(24)))
        shipped = at + timedelta(draw.randrange(0, 6)) if draw.random() < 0.5 else None
        for product in draw.sample(range(40), draw.randint(1, 5)):
            price, cut = Decimal(draw.randint(100, 900)) / 100, Decimal(draw.choice([0, 0, 10, 40])) / 100
            quantity, paid = draw.randint(1, 4), price - cut
            lines.append({
                "order_id": number, "customer_id": customer, "order_date": at.date(), "product_id": product,
                "quantity": quantity, "sales_value": paid * quantity, "list_value": price * quantity,
                "retail_discount": cut * quantity, "coupon_discount": Decimal(0), "coupon_match_discount": Decimal(0),
                "product_category": f"category {product % 8}", "manufacturer_id": product % 5,
                "is_merchandise": product % 11 != 0,
            })  # fmt: skip
        orders.append({
            "customer_id": customer, "order_date": at.date(), "ordered_at": at, "sales_value": Decimal(number % 90),
            "list_value": Decimal(100), "discount_value": Decimal(number % 30), "line_count": 5,
            "display_line_count": number % 5, "channel": "online" if shipped else "store", "shipped_at": shipped,
            "delivery_method": draw.choice(["dawn", "pickup"]) if shipped else None,
        })  # fmt: skip
        events.append({
            "customer_id": customer, "event_date": at.date(), "event_at": at, "channel": draw.choice(["web", "app"]),
            "event_type": draw.choice(["product_view", "search", "add_to_cart"]), "product_id": number % 40,
            "session_id": f"s_{number // 3}", "source": "web_event", "event_id": str(number),
        })  # fmt: skip
    calendar = [{"calendar_date": START + timedelta(n), "is_pay_week": n % 30 < 7} for n in range(420)]
    named = {"orders": orders, "lines": lines, "events": events, "calendar": calendar}
    return {name: pd.DataFrame(rows) for name, rows in named.items()}


def known_by(frames: Frames, day: date) -> Frames:
    """Return what was known at the end of a day: no later event, and no shipment that had not happened."""
    clocks = {"orders": "order_date", "lines": "order_date", "events": "event_date"}
    known = {name: frame[frame[clocks[name]] <= day] if name in clocks else frame for name, frame in frames.items()}
    orders, end = known["orders"].copy(), pd.Timestamp(day) + timedelta(1)
    orders.loc[orders["shipped_at"] >= end, ["shipped_at", "delivery_method"]] = None
    return {**known, "orders": orders}


def to_spark(frames: Frames, spark: SparkSession) -> dict[str, DataFrame]:
    return {
        name: spark.createDataFrame([tuple(map(_plain, row)) for row in frame.itertuples(index=False)], SCHEMAS[name])
        for name, frame in frames.items()
    }


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def rows_of(frame: DataFrame, day: date) -> dict[str, dict[str, Any]]:
    found = frame.where(F.col("as_of") == F.lit(day)).toPandas().drop(columns="as_of").set_index("customer_id")
    return {str(customer): row for customer, row in found.to_dict("index").items()}


def differing(compute: Compute, frames: Frames, spark: SparkSession) -> list[tuple[date, str, str]]:
    """Return day, customer and feature of each value that later events change."""
    whole = compute(to_spark(frames, spark), DAYS)
    found = []
    for day in DAYS:
        all_events, known = rows_of(whole, day), rows_of(compute(to_spark(known_by(frames, day), spark), (day,)), day)
        found += [(day, customer, "row") for customer in all_events.keys() ^ known.keys()]
        for customer in all_events.keys() & known.keys():
            ours, theirs = all_events[customer], known[customer]
            found += [(day, customer, name) for name in ours if not same(ours[name], theirs[name])]
    return found


def same(one: Any, two: Any) -> bool:
    if hasattr(one, "__len__") and not isinstance(one, str):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, float) and isinstance(two, float):
        return one == pytest.approx(two, rel=1e-9, abs=1e-9, nan_ok=True)
    return bool(one == two) or (pd.isna(one) and pd.isna(two))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_no_feature_of_a_day_changes_when_later_events_are_added(name: str, sail: Engine) -> None:
    frames = make_events(20170101)
    assert differing(TRANSFORMS[name], frames, sail.spark) == []
    assert rows_of(TRANSFORMS[name](to_spark(frames, sail.spark), DAYS), DAYS[0]), "the first day has rows to compare"


def test_a_transform_that_counts_later_events_is_found(sail: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def ignores_the_end(day: Any, end: Any, window_days: int | None) -> Any:
        return F.lit(True) if window_days is None else day > F.date_sub(end, window_days)

    monkeypatch.setattr(snapshot, "_is_within", ignores_the_end)
    assert differing(TRANSFORMS["shopping_hour"], make_events(20170101), sail.spark)
