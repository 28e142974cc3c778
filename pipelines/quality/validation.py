"""Checks a table against its contract with Great Expectations on Spark, in as few passes as possible."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame

from installation.contract.document import Contract
from pipelines.quality import sql
from pipelines.quality.check import Check, KeyCheck, QueryCheck, ReferenceCheck
from pipelines.quality.contract_check import RunContext, derive_checks, parents_of
from pipelines.quality.example import FailedCheck, find_examples
from pipelines.quality.gx_import import import_late
from pipelines.quality.result import CheckResult, TableQuality

if TYPE_CHECKING:
    from pipelines.quality.gx_run import ExpectationResult


def validate_table(
    frame: DataFrame,
    contract: Contract,
    run_context: RunContext,
    tables: Mapping[str, DataFrame] | None = None,
) -> TableQuality:
    """Check a table against its contract and return the result of each check.

    Passes over the table: one for all aggregates, one more if there are outlier checks, one small pass for each
    reference, and one for the examples if a check failed. The frame is not cached.

    Args:
        frame: the table, with the contract's columns and possibly technical columns.
        contract: states the rules that the table must keep.
        run_context: the run's reference date and the row counts of earlier runs.
        tables: the other tables that the checks read (see `parents_of`), by lakehouse name such as `bronze/store`.
            A check fails if its table is missing here.

    Raises:
        QualityRuleError: a rule of the contract cannot be run on any data.

    """
    gx_run, gx_suite = import_late("gx_run"), import_late("gx_suite")
    started = time.perf_counter()
    others = dict(tables or {})
    if contract.layer == "source":
        # This count is cheap: both engines take it from the statistics in the files.
        run_context = replace(run_context, rows=frame.count())
    checks = derive_checks(contract, run_context)
    present = set(frame.columns)
    obstacles = {check.name: fault for check in checks if (fault := _obstacle(check, present, others))}
    _name_views(frame, contract, others, checks)
    suite = gx_suite.build_suite(contract.table, checks)
    outcomes = gx_run.run_checks(frame, contract, [check for check in checks if check.name not in obstacles], suite)
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
        report=gx_run.report_of(suite, final),
    )


def _obstacle(check: Check, present: set[str], tables: Mapping[str, DataFrame]) -> str | None:
    """Return why a check cannot be run, or None if it can."""
    columns: Sequence[str] = (check.column,) if check.column else ()
    if isinstance(check, KeyCheck | ReferenceCheck):
        columns = check.columns
    missing = [column for column in columns if column not in present]
    if missing:
        return f"column {', '.join(missing)} is missing"
    absent = [table for table in sorted(parents_of([check])) if table not in tables]
    if absent:
        return f"table {', '.join(absent)} does not exist"
    if isinstance(check, ReferenceCheck):
        missing = [column for column in check.parent_columns if column not in tables[check.parent].columns]
        if missing:
            return f"table {check.parent} has no column {', '.join(missing)}"
    return None


def _name_views(frame: DataFrame, contract: Contract, tables: Mapping[str, DataFrame], checks: Sequence[Check]) -> None:
    """Create a temporary view for each table that the checks read by name."""
    wanted = set(parents_of(checks))
    if any(isinstance(check, QueryCheck) for check in checks):
        wanted.add(contract.table)
    named: dict[str, DataFrame] = {**tables, contract.table: frame}
    for table in wanted & set(named):
        named[table].createOrReplaceTempView(sql.view_name(table))


def _result(check: Check, outcome: ExpectationResult | None, obstacle: str | None) -> CheckResult:
    values: Mapping[str, Any] = {} if outcome is None else outcome.figures
    fault = obstacle or (outcome.fault if outcome else "Great Expectations returned no result for this check")
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
