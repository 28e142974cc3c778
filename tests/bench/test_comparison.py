"""Two runs hold the same tables when rows agree under each other's names for the same people, and only then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from bench.comparison import differences
from installation.contract.document import load_contracts

IDENTIFIER, SHARE = "silver/identifier", "gold/customer_category_share"
CATEGORIES = ("MILK", "BREAD")


def write(
    folder: Path, people: dict[str, str], *, moved: float = 0.0, categories: tuple[str, ...] = CATEGORIES
) -> Path:
    """A run that calls the owner of each token so; every customer spends a third on each category."""
    tokens = [{"token_kind": "email", "token": token, "customer_id": who} for token, who in people.items()]
    shares = [
        {"customer_id": who, "product_category": category, "spend_share": 1 / 3 + moved}
        for who in sorted(set(people.values()))
        for category in categories
    ]
    contracts = load_contracts()
    for name, rows in ((IDENTIFIER, tokens), (SHARE, shares)):
        schema = contracts.table(name).arrow_schema()
        filled: list[dict[str, Any]] = [dict.fromkeys(schema.names) | row for row in rows]
        loose = pa.schema([field.with_nullable(True) for field in schema])
        write_deltalake(folder / "lakehouse" / name, pa.Table.from_pylist(filled, loose))
    return folder


@pytest.fixture
def left(tmp_path: Path) -> Path:
    return write(tmp_path / "left", {"a": "c_1", "b": "c_2"})


def compared(left: Path, right: Path) -> dict[str, str]:
    return differences(left, right, (IDENTIFIER, SHARE))


def test_other_names_for_the_same_people_are_no_difference(left: Path, tmp_path: Path) -> None:
    right = write(tmp_path / "right", {"a": "c_8", "b": "c_9"}, moved=1e-12)
    assert compared(left, right) == {}


def test_a_changed_figure_and_a_missing_row_are_reported(left: Path, tmp_path: Path) -> None:
    names = {"a": "c_8", "b": "c_9"}
    assert compared(left, write(tmp_path / "moved", names, moved=1e-7)) == {SHARE: "spend_share in 4 rows"}
    fewer = write(tmp_path / "fewer", names, categories=CATEGORIES[:1])
    assert compared(left, fewer) == {SHARE: "4 rows and 2, 4 keys, 2 in common"}


def test_different_load_times_are_no_difference(left: Path, tmp_path: Path) -> None:
    folder = tmp_path / "later/lakehouse" / IDENTIFIER
    write(tmp_path / "later", {"a": "c_1", "b": "c_2"})
    rows = DeltaTable(folder).to_pyarrow_table()
    at = rows.schema.get_field_index("changed_at")
    later = rows.set_column(at, "changed_at", pa.array(np.full(len(rows), "2026-01-01", "M8[us]")))
    write_deltalake(folder, later, mode="overwrite")
    assert compared(left, tmp_path / "later") == {}


def test_customers_that_are_grouped_differently_are_reported(left: Path, tmp_path: Path) -> None:
    merged = compared(left, write(tmp_path / "merged", {"a": "c_8", "b": "c_8"}))
    assert merged[IDENTIFIER].startswith("customers are grouped differently: 1 and 2 customers form 2 pairs")
