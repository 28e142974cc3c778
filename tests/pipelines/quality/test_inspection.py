"""A loaded source is checked in the background, by the reference date of the run and not by its own newest row."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from installation.contract.document import Contract, load_contracts
from installation.data_secret import open_documents
from pipelines.engine.session import Engine
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from pipelines.quality.inspection import TableInspector, read_records
from tests.pipelines.quality import shop
from tests.store_place import StorePlace

TODAY = shop.AS_OF.date()
LATER = TODAY + timedelta(days=60)


@pytest.fixture
def contracts(tmp_path: Path) -> tuple[Contract, Contract]:
    return shop.contracts(tmp_path)


@pytest.fixture
def inspector(
    sail: Engine, tmp_path: Path, contracts: tuple[Contract, Contract], store_place: StorePlace
) -> TableInspector:
    """An inspector of a lakehouse with the orders, but without the products that they refer to."""
    lakehouse = SparkLakehouse(str(tmp_path / "lakehouse"), sail.spark)
    lakehouse.overwrite("silver/orders", shop.frame_of(sail.spark, contracts[0], shop.clean_rows()))
    known = load_contracts([tmp_path])
    now = datetime(2018, 1, 1)
    records = open_documents(tmp_path / "outcome", store_place.server, "inspections")
    return TableInspector(lakehouse, known, records, tmp_path / "site", "load-1", now, TODAY)


def broken(inspector: TableInspector, contract: Contract) -> set[str]:
    return {result.name for result in inspector.inspect(contract).quality.results if not result.passed}


def land_products(inspector: TableInspector) -> None:
    inspector.lakehouse.overwrite("silver/product", inspector.lakehouse.spark.createDataFrame(shop.PRODUCTS))


def test_a_source_is_checked_after_the_sources_that_its_rules_read(
    inspector: TableInspector, contracts: tuple[Contract, Contract]
) -> None:
    orders, product = contracts
    inspector.begin_source(orders)
    land_products(inspector)
    inspector.begin_source(product)
    assert broken(inspector, orders) == set()
    assert broken(inspector, product) == set()


def test_a_source_is_checked_again_on_a_later_reference_date_and_is_then_stale(
    inspector: TableInspector, contracts: tuple[Contract, Contract]
) -> None:
    orders, product = contracts
    land_products(inspector)
    assert broken(inspector, orders) == set()
    later = replace(inspector, as_of=LATER)
    for contract in contracts:
        later.begin_source(contract)
    assert broken(later, orders) == {"freshness"}
    assert broken(later, product) == set()
    passed = {one.quality.table: one.quality.passed for one in read_records(inspector.records)}
    assert passed == {orders.table: False, product.table: True}


def test_a_source_whose_parent_never_loads_is_checked_when_inspected(
    inspector: TableInspector, contracts: tuple[Contract, Contract]
) -> None:
    orders, _ = contracts
    inspector.begin_source(orders)
    assert broken(inspector, orders) == {"reference_product_id", "known_sum"}
