"""Figures of journeys equal an independent count; counts of fewer than ten customers are left out."""

from __future__ import annotations

import random
import statistics
from datetime import datetime
from itertools import pairwise
from typing import Any

import pyarrow as pa

from features.insight.group_size import K
from features.insight.journey import BOUGHT, HOURS, LEFT, journey_figures

ACTS = {"visit": "web:page_view", "product": "web:product_view", "cart": "web:add_to_cart", "checkout": "web:checkout"}
CHANNELS = ("web", "store", "app", "delivery", "service")
MOST_STEPS = 3


def rows_of(seed: int, customers: int, journeys: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    rows = []
    for _ in range(journeys):
        acts = [name for name in ACTS.values() if chance.random() < 0.7]
        channels = chance.choices(CHANNELS, weights=(8, 5, 2, 1, 1), k=chance.randint(1, 5))
        rows.append({
            "customer_id": f"c_{chance.randrange(customers)}", "started_at": datetime(2026, 5, 1),
            "path": " > ".join(acts) or None, "channel_path": " > ".join(channels) if chance.random() < 0.95 else None,
            "is_converted": chance.choice([True, True, False, None]),
            "duration_hours": chance.choice([0.5, 24.0, 800.0]),
        })  # fmt: skip
    return rows


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    types = {"customer_id": pa.string(), "started_at": pa.timestamp("us"), "path": pa.string(),
             "channel_path": pa.string(), "is_converted": pa.bool_(), "duration_hours": pa.float64()}  # fmt: skip
    return pa.Table.from_pylist(rows, pa.schema(types.items()))


def told(rows: list[dict[str, Any]]) -> int | None:
    return None if len({row["customer_id"] for row in rows}) < 10 else len(rows) // 10 * 10


def test_the_figures_equal_a_plain_count() -> None:
    for seed in range(8):
        rows = rows_of(seed, customers=(12, 40)[seed % 2], journeys=300)
        found = journey_figures(table_of(rows), MOST_STEPS)
        bought = [row for row in rows if row["is_converted"]]
        assert (found.journeys, found.converted) == (told(rows), told(bought))
        reached = rows
        for step in ("product", "cart", "checkout"):
            reached = [row for row in reached if ACTS[step] in (row["path"] or "")]
            assert found.funnel[step] == told(reached)
        assert found.funnel[BOUGHT] == told([row for row in reached if row["is_converted"]])
        bounds = (0, *HOURS, float("inf"))
        assert found.hours == tuple(
            told([row for row in bought if low < row["duration_hours"] <= high]) for low, high in pairwise(bounds)
        )
        assert found.median_hours == statistics.median(row["duration_hours"] for row in bought)
        assert {(one.step, one.source, one.target): one.journeys for one in found.flows} == flows_of(rows)


def flows_of(rows: list[dict[str, Any]]) -> dict[tuple[int, str, str], int]:
    taken: dict[tuple[int, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        channels = (row["channel_path"] or "").split(" > ")[:MOST_STEPS]
        if channels == [""]:
            continue
        ends = [*channels, BOUGHT if row["is_converted"] else LEFT]
        for step, (source, target) in enumerate(pairwise(ends), 1):
            taken.setdefault((step, source, target), []).append(row)
    return {flow: count for flow, of in taken.items() if (count := told(of))}


def test_journeys_of_too_few_customers_are_not_told() -> None:
    row = rows_of(1, 1, 1)[0] | {"is_converted": True, "channel_path": "web"}
    few = [row | {"customer_id": f"c_{number % (K - 1)}"} for number in range(100)]
    found = journey_figures(table_of(few))
    assert (found.journeys, found.converted, found.median_hours, found.flows) == (None, None, None, ())
    assert set(found.funnel.values()) == {None}
    assert set(found.hours) == {None}
    enough = journey_figures(table_of([*few, row | {"customer_id": "c_new"}]))
    assert (enough.journeys, len(enough.flows)) == (100, 1), "the negative control: one customer more"


def test_no_journeys_have_no_figures() -> None:
    assert journey_figures(table_of([])).journeys is None
