"""The metadata of an asset describes the values of its columns by aggregates of more than ten people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from installation.contract.document import Contract, Contracts, load_contracts
from installation.lakehouse.lakehouse import Lakehouse
from installation.lakehouse.table_profile import read_profile
from pipelines.orchestration import value_table
from pipelines.orchestration.value_table import value_metadata
from privacy.access import value_profile

CUSTOMERS = 200


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts()


@pytest.fixture
def lakehouse(tmp_path: Path) -> Lakehouse:
    return Lakehouse(str(tmp_path), {})


def described(contract: Contract, lakehouse: Lakehouse, **columns: list[Any]) -> dict[str, dict[str, str]]:
    """Write a table with these columns, the others null, and return its metadata by column."""
    rows = len(next(iter(columns.values())))
    arrays = {
        field.name: pa.array(columns.get(field.name, [None] * rows), field.type) for field in contract.arrow_schema()
    }
    lakehouse.append_rows(contract.table, pa.table(arrays))
    found = value_metadata(contract, lakehouse, read_profile(lakehouse.delta(contract.table)))
    return {str(record.data["column"]): dict(record.data) for record in found["values"].records}  # type: ignore[attr-defined]


def customers(count: int = CUSTOMERS) -> list[str]:
    return [f"c_{n}" for n in range(count)]


def test_a_gold_table_is_described_with_units_and_without_extremes(contracts: Contracts, lakehouse: Lakehouse) -> None:
    contract = contracts.table("gold/customer_purchase_behaviour")
    spend = [float(n) for n in range(CUSTOMERS)]
    found = described(contract, lakehouse, customer_id=customers(), mean_basket_value=spend)
    assert found["mean_basket_value"] == {
        "column": "mean_basket_value", "unit": "USD", "null": "0.0%", "different": "200", "p5": "", "p50": "99",
        "p95": "189", "most frequent": "",
    }  # fmt: skip
    assert found["return_rate"]["null"] == "100.0%"
    assert "199" not in str(found), "the maximum"


def test_a_value_of_few_customers_is_in_no_metadata(
    contracts: Contracts, lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = contracts.table("gold/customer_location")
    homes = ["rare"] * 10 + ["common"] * 190
    found = described(contract, lakehouse, customer_id=customers(), sido=homes)
    assert found["sido"]["most frequent"] == "common 95%"
    assert "c_1" not in str(found)
    monkeypatch.setattr(value_profile, "HIDDEN_PEOPLE", 9)
    record = value_metadata(contract, lakehouse, read_profile(lakehouse.delta(contract.table)))["values"]
    assert "rare 5%" in str(record), "negative control: a lower threshold shows it"


def test_sensitive_columns_are_left_out(contracts: Contracts, lakehouse: Lakehouse) -> None:
    contract = contracts.table("gold/customer_demographic")
    assert contract.column("beliefs").role == "sensitive"
    found = described(contract, lakehouse, customer_id=customers(), beliefs=["불교"] * CUSTOMERS)
    assert "beliefs" not in found
    assert "불교" not in str(found)


def test_a_table_whose_people_cannot_be_counted_gets_the_share_of_nulls_only(
    contracts: Contracts, lakehouse: Lakehouse
) -> None:
    contract = contracts.table("bronze/cj_demographics")
    found = described(contract, lakehouse, age=["45-54"] * 150 + [None] * 50)
    assert found["age"] == {"column": "age", "unit": "", "null": "25.0%"}


def test_a_large_table_is_described_by_a_sample(
    contracts: Contracts, lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(value_table, "SAMPLE_ROWS", 100)
    contract = contracts.table("gold/customer_location")
    found = described(contract, lakehouse, customer_id=customers(), store_count=[3] * CUSTOMERS)
    assert found["customer_id"]["different"] == "100 in 100 rows"
    assert found["store_count"]["most frequent"] == "3 100%"


def test_an_empty_table_has_no_such_metadata(contracts: Contracts, lakehouse: Lakehouse) -> None:
    contract = contracts.table("gold/customer_location")
    lakehouse.append_rows(contract.table, contract.arrow_schema().empty_table())
    assert value_metadata(contract, lakehouse, read_profile(lakehouse.delta(contract.table))) == {}
