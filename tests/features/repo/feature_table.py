"""Writes the tables of a shop's feature views, and reads what the online store has of them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from features.store.online_store import StoredView
from features.store.opening import open_online_store
from tests.features.retrieval.feature_shop import NOON, FeatureShop, value_of

TASTE = pa.schema([("customer_id", pa.string()), ("top_shelf", pa.string()), ("colour", pa.string()),
                   ("last_visit", pa.timestamp("us", "UTC")), ("as_of", pa.timestamp("us"))])  # fmt: skip
TRADE = pa.schema([("customer_id", pa.string()), ("order_count", pa.int64()), ("basket", pa.decimal128(18, 2)),
                   ("income", pa.int64()), ("as_of", pa.timestamp("us"))])  # fmt: skip
_SCHEMAS = {"taste": TASTE, "trade": TRADE}


def taste_of(customer: str, at: datetime = NOON, **changed: Any) -> dict[str, Any]:
    """Return a row of gold/taste."""
    names = ("top_shelf", "colour")
    row = {"customer_id": customer, "as_of": at, "last_visit": last_visit_of(customer)}
    return row | {n: value_of(customer, f"taste:{n}") for n in names} | changed


def last_visit_of(customer: str) -> datetime:
    """Return the instant in the row of gold/taste."""
    found: datetime = value_of(customer, "taste:last_visit")
    return found.replace(tzinfo=UTC)


def trade_of(customer: str, at: datetime = NOON, **changed: Any) -> dict[str, Any]:
    """Return a row of gold/trade."""
    row = {"customer_id": customer, "order_count": len(customer), "basket": None, "income": None, "as_of": at}
    return row | changed


def write_table(shop: FeatureShop, view: str, rows: Iterable[dict[str, Any]]) -> None:
    """Replace the table of a view."""
    shop.installation.lakehouse.overwrite_rows(f"gold/{view}", pa.Table.from_pylist(list(rows), _SCHEMAS[view]))


def stored(shop: FeatureShop, view: str, *customers: str) -> list[StoredView | None]:
    """Return what the online store has of a view for each customer."""
    with closing(open_online_store(shop.installation, verify=False)) as store:
        return [None if row is None else row.get(view) for row in store.read(customers)]
