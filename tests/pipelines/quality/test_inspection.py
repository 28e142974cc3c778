"""A check that ran before all sources were loaded counts only if the final reference date gives the same checks."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from installation.contract.document import Contract, load_contracts
from pipelines.engine.session import Engine
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from pipelines.quality.inspection import TableInspector, read_records
from tests.pipelines.quality import shop

TODAY = shop.AS_OF.date()
LATER = TODAY + timedelta(days=60)


@pytest.fixture
def contracts(tmp_path: Path) -> tuple[Contract, Contract]:
    return shop.contracts(tmp_path)


@pytest.fixture
def inspector(sail: Engine, tmp_path: Path, contracts: tuple[Contract, Contract]) -> TableInspector:
    """An inspector of a lakehouse with the orders, but without the products that they refer to."""
    lakehouse = SparkLakehouse(str(tmp_path / "lakehouse"), sail.spark)
    lakehouse.overwrite("silver/orders", shop.frame_of(sail.spark, contracts[0], shop.clean_rows()))
    known = load_contracts([tmp_path])
    now = datetime(2018, 1, 1)
    return TableInspector(lakehouse, known, tmp_path / "outcome", tmp_path / "site", "load-1", now)


def broken(inspector: TableInspector, contract: Contract, day: date) -> set[str]:
    return {result.name for result in inspector.inspect(contract, day).quality.results if not result.passed}


def land_products(inspector: TableInspector) -> None:
    inspector.lakehouse.overwrite("silver/product", inspector.lakehouse.spark.createDataFrame(shop.PRODUCTS))


def test_a_source_is_checked_after_the_sources_that_its_rules_read(
    inspector: TableInspector, contracts: tuple[Contract, Contract]
) -> None:
    orders, product = contracts
    inspector.begin_source(orders, TODAY)
    land_products(inspector)
    inspector.begin_source(product, TODAY)
    assert broken(inspector, orders, TODAY) == set()
    assert broken(inspector, product, TODAY) == set()


def test_a_source_is_checked_again_if_the_reference_date_was_guessed_wrongly(
    inspector: TableInspector, contracts: tuple[Contract, Contract]
) -> None:
    orders, product = contracts
    land_products(inspector)
    for contract in contracts:
        inspector.begin_source(contract, TODAY)
    assert broken(inspector, orders, LATER) == {"freshness"}
    passed = {one.quality.table: one.quality.passed for one in read_records(inspector.folder)}
    assert passed == {orders.table: False, product.table: True}


def test_a_source_whose_parent_never_loads_is_checked_when_inspected(
    inspector: TableInspector, contracts: tuple[Contract, Contract]
) -> None:
    orders, _ = contracts
    inspector.begin_source(orders, TODAY)
    assert broken(inspector, orders, TODAY) == {"reference_product_id", "known_sum"}
