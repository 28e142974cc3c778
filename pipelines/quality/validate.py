"""Runs the checks of a table with Great Expectations on Spark, in shared passes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame

from pipelines.contracts.document import Contract
from pipelines.quality import sql
from pipelines.quality.check import Check, KeyCheck, OutlierCheck, ReferenceCheck
from pipelines.quality.example import FailedCheck, find_examples
from pipelines.quality.result import CheckResult, TableQuality
from pipelines.quality.suite import Circumstance, derive_checks

if TYPE_CHECKING:
    from pipelines.quality.gx_run import Outcome


def validate_table(
    frame: DataFrame, contract: Contract, circumstance: Circumstance, tables: Mapping[str, DataFrame] | None = None
) -> TableQuality:
    """Check a table against its contract.

    The whole table costs one pass for everything that is an aggregate, one more if it has outlier columns, one small
    pass a reference, and one for the examples if something failed. The frame is not cached.

    Args:
        frame: the table: columns of the contract, technical ones beside them.
        contract: what it promises.
        circumstance: the run's date and the row counts of earlier runs.
        tables: every table that a relationship or a SQL rule names, by lakehouse name such as `bronze/store`; see
            `tables_needed`. A check whose table is not there has not passed.

    Raises:
        QualityRuleError: a rule of the contract can never be run.
    """
    from pipelines.quality.gx_run import report_of, run_checks

    started = time.perf_counter()
    others = dict(tables or {})
    checks = derive_checks(contract, circumstance)
    there = set(frame.columns)
    obstacles = {check.name: fault for check in checks if (fault := _obstacle(check, there, others))}
    _name_views(frame, contract, others)
    outcomes = run_checks(frame, contract, [check for check in checks if check.name not in obstacles])
    results = [_result(check, outcomes.get(check.name), obstacles.get(check.name)) for check in checks]
    failed = [
        FailedCheck(check, outcomes[check.name].condition)
        for check, result in zip(checks, results, strict=True)
        if not result.passed and result.unexpected_count
    ]
    examples = find_examples(frame, contract, failed, others)
    final = tuple(replace(result, examples=examples.get(result.name, ())) for result in results)
    volume = next((result.observed_value for result in final if result.name == "volume"), None)
    return TableQuality(
        table=contract.table,
        results=final,
        rows=volume if isinstance(volume, int) else None,
        seconds=time.perf_counter() - started,
        report=report_of(contract, checks, final),
    )


def tables_needed(contract: Contract, circumstance: Circumstance) -> frozenset[str]:
    """Return the lakehouse names of the tables that the relationships of a contract look into.

    A table that only a SQL rule names is found by its view (`bronze_store`), so pass that table as well.
    """
    checks = derive_checks(contract, circumstance)
    return frozenset(check.parent for check in checks if isinstance(check, ReferenceCheck))


def _obstacle(check: Check, there: set[str], tables: Mapping[str, DataFrame]) -> str | None:
    """Say why a check cannot be run, or None."""
    columns: Sequence[str] = (check.column,) if check.column else ()
    if isinstance(check, KeyCheck | ReferenceCheck):
        columns = check.columns
    missing = [column for column in columns if column not in there]
    if missing:
        return f"column {', '.join(missing)} is missing"
    if isinstance(check, ReferenceCheck):
        if check.parent not in tables:
            return f"table {check.parent} is not there"
        missing = [column for column in check.parent_columns if column not in tables[check.parent].columns]
        if missing:
            return f"table {check.parent} has no column {', '.join(missing)}"
    return None


def _name_views(frame: DataFrame, contract: Contract, tables: Mapping[str, DataFrame]) -> None:
    for table, other in tables.items():
        other.createOrReplaceTempView(sql.view_name(table))
    if contract.table not in tables:
        frame.createOrReplaceTempView(sql.view_name(contract.table))


def _result(check: Check, outcome: Outcome | None, obstacle: str | None) -> CheckResult:
    values: dict[str, Any] = {} if outcome is None else outcome.figures
    fault = obstacle or (outcome.fault if outcome else "Great Expectations returned nothing for it")
    return CheckResult(
        name=check.name,
        kind=check.kind,
        column=check.column,
        passed=outcome is not None and outcome.passed and fault is None,
        severity=check.severity,
        description=check.description,
        fault=fault,
        **values,
    )
