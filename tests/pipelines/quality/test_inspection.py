"""What is inspected early counts only where it asked what the run asks in the end."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from installation.contract.document import Contract, load_contracts
from pipelines.engine.session import Engine
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from pipelines.quality.inspection import Gate, read_outcomes
from tests.pipelines.quality import shop

TODAY = shop.AS_OF.date()
LATER = TODAY + timedelta(days=60)


@pytest.fixture
def contracts(tmp_path: Path) -> tuple[Contract, Contract]:
    return shop.contracts(tmp_path)


@pytest.fixture
def gate(sail: Engine, tmp_path: Path, contracts: tuple[Contract, Contract]) -> Gate:
    """A gate before the orders, which are there; the products that they refer to are not."""
    lakehouse = SparkLakehouse(str(tmp_path / "lakehouse"), sail.spark)
    lakehouse.overwrite("silver/orders", shop.frame_of(sail.spark, contracts[0], shop.clean_rows()))
    known = load_contracts([tmp_path])
    now = datetime(2018, 1, 1)
    return Gate(lakehouse, known, tmp_path / "outcome", tmp_path / "site", "load-1", now)


def broken(gate: Gate, contract: Contract, day: date) -> set[str]:
    return {result.name for result in gate.inspect(contract, day).quality.results if not result.passed}


def land_products(gate: Gate) -> None:
    gate.lakehouse.overwrite("silver/product", gate.lakehouse.spark.createDataFrame(shop.PRODUCTS))


def test_a_source_waits_for_those_that_its_rules_look_into(gate: Gate, contracts: tuple[Contract, Contract]) -> None:
    orders, product = contracts
    gate.begin_source(orders, TODAY)
    land_products(gate)
    gate.begin_source(product, TODAY)
    assert broken(gate, orders, TODAY) == set()
    assert broken(gate, product, TODAY) == set()


def test_a_day_guessed_wrongly_is_asked_again(gate: Gate, contracts: tuple[Contract, Contract]) -> None:
    orders, product = contracts
    land_products(gate)
    for contract in contracts:
        gate.begin_source(contract, TODAY)
    assert broken(gate, orders, LATER) == {"freshness"}
    told = {one.quality.table: one.quality.passed for one in read_outcomes(gate.folder)}
    assert told == {orders.table: False, product.table: True}


def test_what_was_not_begun_is_inspected_when_asked(gate: Gate, contracts: tuple[Contract, Contract]) -> None:
    orders, _ = contracts
    gate.begin_source(orders, TODAY)
    assert broken(gate, orders, TODAY) == {"reference_product_id", "known_sum"}
