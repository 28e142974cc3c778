"""Tests the checks of a source whose identifying columns are encrypted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from installation.contract.document import Contract
from pipelines.engine.session import Engine
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from pipelines.quality.check import KeyCheck, ReferenceCheck
from pipelines.quality.contract_check import RunContext, comparable, derive_checks
from pipelines.quality.errors import QualityRuleError
from pipelines.quality.validation import validate_table
from privacy.contract.document import Relationship
from tests.pipelines.ingest.shop import COLUMNS, Shop, csv_of, sale

AS_OF = RunContext(datetime(2017, 3, 2))
PERSONAL: dict[str, dict[str, Any]] = {
    **COLUMNS,
    "sale_id": {**COLUMNS["sale_id"], "identifierRole": "direct", "token": "member_no"},
    "phone": {**COLUMNS["phone"], "identifierRole": "direct", "maxLength": 20},
}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.contract_with(PERSONAL, subject="sale_id", severity="{phone: warning}")
    return made


def results(engine: Engine, shop: Shop) -> dict[str, bool]:
    frame = SparkLakehouse(shop.lakehouse.root, engine.spark).read("bronze/sale")
    quality = validate_table(frame, shop.contract, AS_OF)
    assert [result.fault for result in quality.results if result.fault] == []
    return {result.name: result.passed for result in quality.results}


def test_a_correct_source_passes_and_no_rule_is_run_on_ciphertext(engine: Engine, shop: Shop) -> None:
    shop.land("a.csv", csv_of(*(sale(n) for n in range(20))))
    shop.load()
    found = results(engine, shop)
    assert all(found.values())
    assert {"schema", "unique_key", "required_sale_id", "valid_phone", "enum_store"} <= found.keys()
    assert not {"pattern_sale_id", "length_phone"} & found.keys()


def test_invalid_encrypted_values_and_repeated_keys_fail_their_checks(sail: Engine, shop: Shop) -> None:
    long = sale(3).replace("010-0000-0003", "0" * 30)
    shop.land("a.csv", csv_of(*(sale(n, amount=amount) for n in (1, 2) for amount in ("1.00", "2.00")), long))
    shop.load()
    found = results(sail, shop)
    assert [name for name, passed in found.items() if not passed] == ["unique_key", "valid_phone"]


def test_keys_and_references_of_encrypted_columns_compare_tokens(shop: Shop) -> None:
    reference = Relationship(("sale_id",), "source.crm_customer", ("member_no",))
    contract = replace(shop.contract, relationships=(reference,))
    checks = {check.name: check for check in derive_checks(contract, AS_OF)}
    key, parent = checks["unique_key"], checks["reference_sale_id"]
    assert isinstance(key, KeyCheck)
    assert isinstance(parent, ReferenceCheck)
    assert key.columns == ("sale_id_token",)
    assert (parent.columns, parent.parent_columns) == (("sale_id_token",), ("member_no_token",))


def test_rows_without_tokens_are_compared_by_their_hash(shop: Shop) -> None:
    columns = tuple(replace(one, token=None, primary_key=False) for one in shop.contract.columns)
    contract = replace(shop.contract, columns=columns)
    assert comparable(["sale_id", "store"], contract) is None
    checks = {check.name: check for check in derive_checks(contract, AS_OF)}
    repeated = checks["duplicate_rows"]
    assert isinstance(repeated, KeyCheck)
    assert repeated.columns == ("_row_hash_low", "_row_hash_high")


@pytest.mark.parametrize(
    "rule",
    [
        {"name": "r", "metric": "nullValues", "arguments": {"properties": ["phone"]}, "mustBe": 0},
        {
            "name": "r",
            "type": "custom",
            "engine": "greatExpectations",
            "implementation": {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "phone"}},
        },
    ],
)
def test_a_rule_on_an_encrypted_column_is_refused_with_the_next_step(shop: Shop, rule: dict[str, Any]) -> None:
    contract: Contract = replace(shop.contract, quality=(rule,))
    with pytest.raises(QualityRuleError, match="bronze stores phone encrypted; state the rule in logicalTypeOptions"):
        derive_checks(contract, AS_OF)
