"""What two roles or purposes have read cannot be joined by identifiers; with coarsened values, nor by values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from installation.installation import Installation
from installation.settings import load_settings
from privacy.access import plan
from privacy.access.errors import AccessRefused
from privacy.access.reader import TableReader
from privacy.consent.service import Statement, Terms

ORDERS, LINES = "gold/order_history", "silver/order_line"
START = datetime(2017, 1, 1, 9)
COUNT = 40


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """An installation with one order of each of 40 customers, who permit analytics and research."""
    with Installation(load_settings(data_dir=tmp_path, lakehouse_root=str(tmp_path / "lakehouse"))) as opened:
        contracts = opened.contracts
        customers = [f"c_{number}" for number in range(COUNT)]
        for table in (ORDERS, LINES):
            schema = contracts.table(table).arrow_schema()
            given = {
                "customer_id": customers,
                "order_id": [31_000_000_000 + number for number in range(COUNT)],
                "ordered_at": [START + timedelta(minutes=17 * number) for number in range(COUNT)],
                "sales_value": [Decimal(1234 + 7 * number) / 100 for number in range(COUNT)],
            }
            rows = {
                field.name: pa.array(given[field.name], field.type)
                if field.name in given
                else pa.nulls(COUNT, field.type)
                for field in schema
            }
            opened.lakehouse.overwrite_rows(table, pa.table(rows))
        for customer in customers:
            opened.consent_store.assign(customer, customer, START)
            for purpose in ("analytics", "research"):
                opened.consent_service().grant(customer, purpose, Terms("2026.1", age_years=30), Statement("web_form"))
        yield opened


def values(reader: TableReader[pa.Table], role: str, purpose: str, *columns: str, table: str = ORDERS) -> list[object]:
    rows = reader.read(table, role, purpose, columns).frame.to_pylist()
    return [tuple(row.values()) if len(columns) > 1 else row[columns[0]] for row in rows]


def test_orders_cannot_be_joined_over_purposes_but_over_tables_of_one(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = installation.table_reader("ha-neul")
    for column in ("customer_id", "order_id"):
        one, other = (values(reader, "analyst", purpose, column) for purpose in ("analytics", "research"))
        assert len(set(one)) == len(set(other)) == COUNT
        assert set(one).isdisjoint(other)
    lines = values(reader, "analyst", "analytics", "order_id", table=LINES)
    assert set(lines) == set(values(reader, "analyst", "analytics", "order_id"))
    # A role that sees customers as they are stored sees orders so as well.
    assert 31_000_000_000 in values(reader, "privacy_officer", "analytics", "order_id")
    # Negative control: with orders as they are stored, every customer of one read is found in the other.
    monkeypatch.setattr(plan, "RECORD_IDENTIFIERS", frozenset())
    one, other = (values(reader, "analyst", purpose, "order_id") for purpose in ("analytics", "research"))
    assert set(one) == set(other)


def test_a_condition_on_an_order_uses_its_pseudonym(installation: Installation) -> None:
    reader = installation.table_reader("ha-neul")
    wanted = values(reader, "analyst", "analytics", "order_id")[3]
    found = reader.read(ORDERS, "analyst", "analytics", ["order_id", "customer_id"], where=f"order_id = '{wanted}'")
    assert found.frame["order_id"].to_pylist() == [wanted]
    stored = reader.read(ORDERS, "analyst", "analytics", ["order_id"], where="order_id = '31000000003'")
    assert stored.frame.num_rows == 0
    with pytest.raises(AccessRefused, match="compared with a value of another type"):
        reader.read(ORDERS, "analyst", "analytics", ["order_id"], where="order_id = 31000000003")


def test_coarsened_values_do_not_single_out_a_row(installation: Installation) -> None:
    reader = installation.table_reader("ha-neul")
    exact = Counter(values(reader, "analyst", "research", "sales_value", "ordered_at"))
    coarse = Counter(values(reader, "researcher", "research", "sales_value", "ordered_at"))
    # Stored values are an identifier of their own: they join two reads row by row. Coarsened ones are shared.
    assert max(exact.values()) == 1
    assert min(coarse.values()) >= 3
    assert {amount for _, amount in coarse} <= {Decimal(n) for n in range(12, 16)}
    assert {at for at, _ in coarse} == {datetime(2017, 1, 1)}
    assert (
        values(reader, "researcher", "research", "customer_id")[0]
        != values(reader, "analyst", "research", "customer_id")[0]
    )
