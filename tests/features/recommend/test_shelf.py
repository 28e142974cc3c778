"""The items in memory: as the table has them, and read anew when it has changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features.recommend.context import CONTEXTS
from features.recommend.form import ITEM, ITEM_SCHEMA
from features.recommend.objective import Objective
from features.recommend.shelf import LOOK_SECONDS, Shelf, ShelfReader
from installation.installation import Installation
from installation.settings import load_settings

EVENING = CONTEXTS.index("weekend_evening")


def items(*rows: dict[str, Any]) -> pa.Table:
    """Return rows of the table; what a row does not say is unknown or nothing."""
    usual = {
        "product_type": None, "product_category": None, "price": None, "price_trait": 0.0, "quality_trait": 0.0,
        "convenience_trait": 0.0, "popularity": 0.0, "context_lifts": None, "as_of": date(2026, 5, 3),
    }  # fmt: skip
    return pa.Table.from_pylist([usual | row for row in rows], ITEM_SCHEMA)


ROWS = items(
    {"item_id": "9", "popularity": 0.2, "price": 2.5, "product_type": "MILK"},
    {"item_id": "10", "popularity": 0.1, "price_trait": 2.0, "context_lifts": [0.0] * EVENING + [1.5]},
    {"item_id": "11", "popularity": 0.0, "price_trait": 9.0},
    {"item_id": "8", "popularity": 0.15},
)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(load_settings(data_dir=tmp_path)) as opened:
        yield opened


def names(shelf: Shelf, objective: Objective, context: int) -> list[str]:
    return [shelf.items[one] for one in shelf.popular(objective, context)]


def test_the_popular_items_are_those_bought_lately_by_context_and_objective() -> None:
    shelf = Shelf.of(ROWS)
    assert names(shelf, Objective(), 0) == ["9", "8", "10"]
    assert names(shelf, Objective(), EVENING) == ["10", "9", "8"]
    assert names(shelf, Objective(price=1.0), 0) == ["10", "9", "8"]


def test_unknown_values_are_none_or_nan_and_lifts_zero() -> None:
    shelf = Shelf.of(ROWS)
    assert shelf.items == ("10", "11", "8", "9")
    assert shelf.place["9"] == 3
    assert shelf.types == (None, None, None, "MILK")
    assert np.isnan(shelf.prices[:3]).all()
    assert shelf.prices[3] == 2.5
    assert np.flatnonzero(shelf.lifts.any(axis=1)).tolist() == [0]
    assert not Shelf.of(ROWS.slice(2, 1)).lifts.any()


def test_it_is_read_anew_when_the_table_has_changed_and_only_then(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds, reads = [0.0], []
    lakehouse = installation.lakehouse
    read = type(lakehouse).rows
    monkeypatch.setattr(type(lakehouse), "rows", lambda *given: reads.append(given[1]) or read(*given))
    reader = ShelfReader(lakehouse, lambda: seconds[0])
    assert reader.newest().items == ()
    lakehouse.overwrite_rows(ITEM, ROWS)
    assert reader.newest().items == (), "it has just looked"
    seconds[0] += LOOK_SECONDS
    assert len(reader.newest().items) == 4
    for _ in range(3):
        seconds[0] += LOOK_SECONDS
        first = reader.newest()
    assert reads == [ITEM]
    lakehouse.overwrite_rows(ITEM, ROWS.slice(0, 1))
    seconds[0] += LOOK_SECONDS
    assert reader.newest().items == ("9",)
    assert first.items == ("10", "11", "8", "9"), "a shelf that is in use stays as it is"
    assert reads == [ITEM, ITEM]
