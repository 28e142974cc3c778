"""Tests the rules in the `quality` section of a contract."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from installation.contract.document import Contract
from pipelines.quality.check import Check, MeasureCheck, NativeCheck, QueryCheck, RowCheck
from pipelines.quality.contract_check import RunContext, derive_checks
from pipelines.quality.contract_rule import rule_checks
from pipelines.quality.errors import QualityRuleError
from tests.pipelines.quality import shop


@pytest.fixture
def orders(tmp_path: Path) -> Contract:
    return shop.contracts(tmp_path)[0]


def only(contract: Contract, rule: dict[str, Any]) -> Check:
    (check,) = rule_checks(replace(contract, quality=(rule,)))
    return check


@pytest.mark.parametrize(
    ("operator", "limit", "inside", "outside"),
    [
        ("mustBe", 3, 3, 4),
        ("mustNotBe", 3, 4, 3),
        ("mustBeGreaterThan", 3, 4, 3),
        ("mustBeGreaterOrEqualTo", 3, 3, 2),
        ("mustBeLessThan", 3, 2, 3),
        ("mustBeLessOrEqualTo", 3, 3, 4),
        ("mustBeBetween", [3, 5], 5, 6),
        ("mustNotBeBetween", [3, 5], 6, 5),
    ],
)
def test_each_odcs_operator_admits_values_within_its_limit_only(
    orders: Contract, operator: str, limit: object, inside: int, outside: int
) -> None:
    check = only(orders, {"metric": "rowCount", operator: limit})
    assert isinstance(check, MeasureCheck)
    assert check.within.admits(inside)
    assert not check.within.admits(outside)
    assert not check.within.admits(None), "a missing value is never within the range"


def test_each_library_metric_becomes_its_sql_aggregate(orders: Contract) -> None:
    column = {"arguments": {"properties": ["size"]}, "mustBe": 0}
    measures = {
        "nullValues": "count_if(`size` is null)",
        "duplicateValues": "(count(1) - count(distinct xxhash64(`size`)))",
    }
    for metric, measure in measures.items():
        check = only(orders, {"metric": metric, **column})
        assert isinstance(check, MeasureCheck)
        assert check.measure == measure
    arguments = {"properties": ["size"], "missingValues": [None, "", "N/A"]}
    check = only(orders, {"metric": "missingValues", "arguments": arguments, "mustBe": 0, "unit": "percent"})
    assert isinstance(check, MeasureCheck)
    expected = "coalesce(100.0D * count_if(`size` is null or `size` in ('', 'N/A')) / count(1), 0D)"
    assert check.measure == expected
    arguments = {"properties": ["size"], "validValues": ["S"]}
    check = only(orders, {"metric": "invalidValues", "arguments": arguments, "mustBe": 0})
    assert isinstance(check, MeasureCheck)
    assert check.measure == "count_if(`size` not in ('S'))"


def test_sql_rules_get_the_table_for_placeholders_and_list_other_tables(orders: Contract) -> None:
    query = "SELECT count(*) FROM ${table} o JOIN gold_customer_360 c ON o.id = c.id"
    check = only(orders, {"type": "sql", "query": query, "mustBe": 0})
    assert isinstance(check, QueryCheck)
    assert "FROM `silver_orders` o" in check.query
    assert check.tables == ("gold/customer_360",)


def test_row_wise_expectations_become_row_checks_and_others_stay_native(orders: Contract) -> None:
    def rule(type_: str, **kwargs: object) -> dict[str, Any]:
        implementation = {"type": type_, "kwargs": kwargs}
        return {"type": "custom", "engine": "great-expectations", "implementation": implementation}

    shared = only(orders, rule("expect_column_values_to_be_in_set", column="size", value_set=["S"], mostly=0.9))
    assert isinstance(shared, RowCheck)
    assert shared.max_percent == 10.0
    assert isinstance(only(orders, rule("expect_column_mean_to_be_between", column="quantity")), NativeCheck)
    conditional = rule("expect_column_values_to_not_be_null", column="size", row_condition="quantity > 1")
    assert isinstance(only(orders, conditional), NativeCheck)


SIZE = {"properties": ["size"]}


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"name": "a", "metric": "rowCount"}, "rule 'a' states no limit; expected one of mustBe"),
        ({"name": "a", "metric": "beauty", "mustBe": 1, "arguments": SIZE}, "unknown metric 'beauty'"),
        ({"name": "a", "metric": "nullValues", "mustBe": 0}, "rule 'a' names no column"),
        ({"name": "a", "metric": "invalidValues", "mustBe": 0, "arguments": SIZE}, "which values are valid"),
        ({"name": "a", "type": "custom", "engine": "soda", "implementation": "x"}, "it has type 'custom'"),
        ({"name": "a", "type": "custom", "engine": "greatExpectations", "implementation": {}}, "expect_"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_run_is_refused_with_the_reason(
    orders: Contract, rule: dict[str, Any], says: str
) -> None:
    with pytest.raises(QualityRuleError, match=says):
        only(orders, rule)


def test_check_names_are_unique_and_alphanumeric(orders: Contract) -> None:
    names = [check.name for check in derive_checks(orders, RunContext(shop.AS_OF))]
    assert len(names) == len(set(names))
    assert all(name.replace("_", "").isalnum() for name in names)


def test_severity_follows_the_contract_and_otherwise_the_kind(orders: Contract) -> None:
    def severities(contract: Contract) -> dict[str, str]:
        return {check.name: check.severity for check in derive_checks(contract, RunContext(shop.AS_OF))}

    usual = severities(orders)
    errors = {name for name, severity in usual.items() if severity == "error"}
    required = {f"required_{name}" for name in ("order_no", "customer_name", "product_id", "quantity", "ordered_at")}
    assert errors == {"schema", "unique_key"} | required
    declared = {"range": "error", "required_quantity": "warning", "size": "error", "known_sum": "error"}
    changed = severities(replace(orders, check_severity=declared))
    assert changed["range_amount"] == changed["range_quantity"] == changed["enum_size"] == "error"
    assert changed["required_quantity"] == "warning"
    assert changed["known_sum"] == "error"
    landed = severities(replace(orders, layer="source"))
    assert landed["unique_key"] == "warning", "landed files repeat rows"


def test_an_unknown_native_expectation_is_refused_by_name(orders: Contract) -> None:
    from pipelines.quality.gx_import import import_late

    implementation = {"type": "expect_miracles", "kwargs": {"column": "size"}}
    rule = {"name": "hope", "type": "custom", "engine": "greatExpectations", "implementation": implementation}
    with pytest.raises(QualityRuleError, match="rule 'hope' is not a valid expectation: expect_miracles with column"):
        import_late("gx_suite").build_suite("silver/orders", [only(orders, rule)])
