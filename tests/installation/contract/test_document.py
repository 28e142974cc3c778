from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import types as spark

from installation.contract.document import (
    Contract,
    ContractError,
    UnknownContractError,
    arrow_type,
    load_contracts,
)
from pipelines.lakehouse.spark_type import spark_data_type, spark_schema

EXAMPLE = Path(__file__).parents[2] / "pipelines" / "contracts" / "example"


@pytest.fixture(scope="module")
def store() -> Contract:
    return load_contracts([EXAMPLE]).source("store")


def test_a_contract_holds_the_values_of_its_yaml_file(store: Contract) -> None:
    assert (store.id, store.table, store.layer) == ("source.store", "bronze/store", "source")
    assert store.primary_key == ("store_id",)
    assert store.retention_days == 1827
    assert store.freshness_hours == 24
    assert store.legal_bases == {"service_delivery": "contract", "analytics": "consent"}
    assert store.file is not None
    assert (store.file.codec, store.file.delimiter) == ("cp949", ";")
    assert store.column("store_type").headers == ("점포유형", "유형")
    assert store.column("store_type").enum == ("hyper", "express")


def test_source_table_and_id_find_the_same_contract_and_unknown_names_are_refused() -> None:
    contracts = load_contracts([EXAMPLE])
    assert contracts.source("store") is contracts.table("bronze/store") is contracts["source.store"]
    with pytest.raises(UnknownContractError, match=r"There is no source 'shop'. Known sources: member, store"):
        contracts.source("shop")
    with pytest.raises(UnknownContractError, match=r"Did you mean store\?"):
        contracts.source("stores")


def test_arrow_and_spark_schemas_have_the_same_types_and_nullability(store: Contract) -> None:
    assert store.arrow_schema().field("opened_on").type == pa.date32()
    assert not store.arrow_schema().field("store_id").nullable
    assert spark_schema(store)["opened_on"].dataType == spark.DateType()
    assert not spark_schema(store)["store_id"].nullable


def test_a_nested_type_name_is_converted_to_arrow_and_spark() -> None:
    name = "array<struct<at:timestamp_ntz,amount:decimal(12,2),tags:map<string,int>>>"
    inner = pa.struct(
        [
            ("at", pa.timestamp("us")),
            ("amount", pa.decimal128(12, 2)),
            ("tags", pa.map_(pa.string(), pa.int32())),
        ]
    )
    assert arrow_type(name) == pa.list_(inner)
    assert spark_data_type(name).simpleString() == name


@pytest.mark.parametrize(
    "name", ["decimal(40,2)", "array<int", "text", "int)", "struct<a int>", "decimal(3,x)", "in-t"]
)
def test_an_invalid_type_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"unknown type|unexpected|incomplete|, expected|out of range"):
        arrow_type(name)


def test_a_missing_contract_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="No such folder"):
        load_contracts([tmp_path / "nowhere"])
