"""Purchases of customers with known habits: each buys a few items about every week, and others seldom."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import pyarrow as pa

from features.recommend.catalogue import Catalogue
from features.recommend.history import PurchaseHistory, day_number

FIRST, WEEKS = date(2025, 1, 6), 24
LAST = FIRST + timedelta(days=7 * WEEKS - 1)
TODAY = day_number(LAST) - 27
"""The last horizon begins on this day."""
NAMES = ("customer_id", "item", "order_date", "quantity", "sales_value", "list_value")
GROUPS = {f"i{item:02d}": (f"t{item % 12}", f"k{item % 4}") for item in range(60)}


def price_of(item: str) -> float:
    """Return the price of an item: from 1 to 6.9 USD."""
    return 1.0 + int(item.strip("i")) / 10


def lines_of(rows: list[tuple[str, str, date]]) -> pa.Table:
    """Return order lines of one unit each."""
    prices = [price_of(item) for _, item, _ in rows]
    customers, items, days = ([row[place] for row in rows] for place in range(3))
    values = (
        pa.array(customers, pa.string()), pa.array(items, pa.string()), pa.array(days, pa.date32()),
        pa.array([1] * len(rows), pa.int64()), pa.array(prices, pa.float64()), pa.array(prices, pa.float64()),
    )  # fmt: skip
    return pa.table(dict(zip(NAMES, values, strict=True)))


@cache
def habit_lines(customers: int = 120, seed: int = 1) -> pa.Table:
    """Return the lines. Customers of the same kind (of six) like the same ten items, so that there is much to learn.

    Each week a customer buys three of five own items, which change every eight weeks, another one that the kind likes,
    and one of twelve popular items.
    """
    random = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        kind = customer % 6
        liked = np.arange(10) * 6 + kind
        own = random.choice(liked, 5, replace=False)
        for week in range(WEEKS):
            if (week + customer) % 8 == 0:
                own = random.choice(liked, 5, replace=False)
            bought = {*own[random.random(5) < 0.6], random.integers(12), random.choice(liked)}
            day = FIRST + timedelta(days=7 * week + int(random.integers(7)))
            rows += [(f"c{customer:03d}", f"i{item:02d}", day) for item in sorted(bought)]
    return lines_of(rows)


def catalogue() -> Catalogue:
    """Return the sixty items with their groups."""
    return Catalogue.of(GROUPS)


@cache
def habits(customers: int = 120, seed: int = 1) -> PurchaseHistory:
    """Return the purchases of `habit_lines`."""
    return PurchaseHistory.of_table(habit_lines(customers, seed)).of_items(catalogue().items)
