"""Translated expectations give the results of Great Expectations, which is the oracle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.engine.session import Engine
from pipelines.quality.check import NativeCheck, RowCheck
from pipelines.quality.expectation_sql import to_sql_rule
from pipelines.quality.gx_import import import_late
from tests.pipelines.quality import shop

PAIR = {"column_A": "a", "column_B": "b", "ignore_row_if": "either_value_is_missing"}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("expect_column_values_to_not_be_null", {"column": "a"}),
    ("expect_column_values_to_be_null", {"column": "a"}),
    ("expect_column_values_to_be_between", {"column": "a", "min_value": 2, "max_value": 4}),
    ("expect_column_values_to_be_between",
     {"column": "a", "min_value": 2, "max_value": 4, "strict_min": True, "strict_max": True}),
    ("expect_column_values_to_be_in_set", {"column": "t", "value_set": ["x", "it's"]}),
    ("expect_column_values_to_not_be_in_set", {"column": "t", "value_set": ["x"]}),
    ("expect_column_values_to_match_regex", {"column": "t", "regex": r"^\w$"}),
    ("expect_column_values_to_not_match_regex", {"column": "t", "regex": r"^\w$"}),
    ("expect_column_pair_values_a_to_be_greater_than_b", PAIR),
    ("expect_column_pair_values_a_to_be_greater_than_b", {**PAIR, "or_equal": True}),
    ("expect_column_pair_values_to_be_equal", PAIR),
]  # fmt: skip
ROWS = [(1, 1, "x"), (2, 1, "it's"), (None, 3, None), (4, None, "y"), (5, 5, "zz"), (3, 4, "\\w")]


@pytest.mark.parametrize(("expectation", "arguments"), CASES)
def test_a_translated_expectation_counts_what_the_native_one_counts(
    sail: Engine, tmp_path: Path, expectation: str, arguments: dict[str, Any]
) -> None:
    frame = sail.spark.createDataFrame(ROWS, "a int, b int, t string")
    contract = replace(shop.contracts(tmp_path)[0], columns=())
    shared = to_sql_rule(expectation, arguments)
    assert shared is not None
    common: dict[str, Any] = {"kind": "rule", "severity": "warning", "description": "d"}
    checks = [
        NativeCheck(name="native", type=expectation, arguments=arguments, **common),
        RowCheck(name="shared", violation=shared.violation, element=shared.element, **common),
    ]
    suite = import_late("gx_suite").build_suite("silver/orders", checks)
    found = import_late("gx_run").run_checks(frame, contract, checks, suite)
    assert found["native"].fault is None
    assert found["shared"].fault is None
    assert found["shared"].figures["unexpected_count"] == found["native"].figures["unexpected_count"]
    assert found["shared"].passed == found["native"].passed
