"""Runs checks in one validation of Great Expectations, and returns figures without personal data.

Import it through `gx_import`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import great_expectations as gx
from great_expectations import ExpectationSuite
from great_expectations.core import ExpectationValidationResult
from great_expectations.core.batch import Batch
from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.execution_engine.sparkdf_batch_data import SparkDFBatchData
from great_expectations.execution_engine.sparkdf_execution_engine import SparkDFExecutionEngine
from great_expectations.validator.validator import Validator
from pyspark.sql import DataFrame

from installation.contract.document import Contract
from pipelines.quality.check import Check, NativeCheck, OutlierCheck
from pipelines.quality.example import is_showable
from pipelines.quality.gx_metric import outside
from pipelines.quality.result import CheckResult, Example

# Only counts, no values: the values that a built-in expectation collects may be personal data.
_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
# Engines state the kind of an error in brackets. The rest of their message may quote values, so it is not shown.
_ERROR_KIND = re.compile(r"\[([A-Z][A-Z0-9_]*(?:\.[A-Z0-9_]+)*)\]")
# Arguments of a built-in expectation that name columns.
_COLUMN_ARGUMENTS = ("column", "column_A", "column_B", "column_list", "column_set")


@dataclass(frozen=True)
class ExpectationResult:
    """The outcome of one check in Great Expectations.

    `fault` is the reason why it could not be run, else None. `figures` are fields of `CheckResult`. `condition` is the
    SQL condition for bad rows if only the run could compute it (outliers), else None.
    """

    passed: bool
    fault: str | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    condition: str | None = None


@cache
def _project() -> EphemeralDataContext:
    """Return a Great Expectations project in memory: no telemetry, no progress bars, no files."""
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )
    context = gx.get_context(project_config=config, mode="ephemeral")
    assert isinstance(context, EphemeralDataContext)
    return context


def run_checks(
    frame: DataFrame, contract: Contract, checks: Sequence[Check], suite: ExpectationSuite
) -> dict[str, ExpectationResult]:
    """Run the expectations of the given checks in one validation; return the outcomes by the check's name.

    It makes a new engine for this frame and its Spark session, for two reasons. A data source of the project keeps
    every checked frame in memory, and it opens a second Spark session.
    """
    by_name = {check.name: check for check in checks}
    wanted = [one.configuration for one in suite.expectations if _check_of(one.meta) in by_name]
    if not wanted:
        return {}
    engine = SparkDFExecutionEngine(spark=frame.sparkSession, persist=False)
    batch = Batch(data=SparkDFBatchData(engine, frame))  # type: ignore[arg-type]  # annotated as a class there
    validator = Validator(execution_engine=engine, batches=[batch], data_context=_project())
    found = validator.graph_validate(wanted, runtime_configuration={"result_format": _RESULT_FORMAT})
    outcomes = {}
    for one in found:
        check = by_name[_check_of(one.expectation_config.meta if one.expectation_config else None)]
        outcomes[check.name] = _expectation_result(check, contract, one)
    return outcomes


def _check_of(meta: Mapping[str, Any] | None) -> str:
    return str((meta or {}).get("check"))


def _expectation_result(check: Check, contract: Contract, found: ExpectationValidationResult) -> ExpectationResult:
    fault = _fault(found)
    if fault:
        return ExpectationResult(passed=False, fault=fault)
    result = found.result
    figures = {
        key: result[key]
        for key in ("element_count", "unexpected_count", "unexpected_percent")
        if result.get(key) is not None
    }
    if "observed_value" in result and _is_reportable(check, contract, result["observed_value"]):
        figures["observed_value"] = result["observed_value"]
    condition = None
    if isinstance(check, OutlierCheck) and result["details"]["fences"]:
        condition = outside(check.column, tuple(result["details"]["fences"]))
    return ExpectationResult(passed=bool(found.success), figures=figures, condition=condition)


def _is_reportable(check: Check, contract: Contract, value: Any) -> bool:
    """Return whether a value can be shown, because it is not about a single person.

    Numbers of this package's checks can be shown, and texts of schema and freshness. A value of a built-in expectation
    can be shown if it concerns only non-personal columns.
    """
    if not isinstance(value, str | int | float | bool):
        return False
    if not isinstance(check, NativeCheck):
        return not isinstance(value, str) or check.kind in ("schema", "freshness")
    named = [check.arguments.get(key) or () for key in _COLUMN_ARGUMENTS]
    names = {name for one in named for name in ([one] if isinstance(one, str) else one)}
    showable = {column.name for column in contract.columns if is_showable(column)}
    return names <= showable


def _fault(found: ExpectationValidationResult) -> str | None:
    info = found.exception_info or {}
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if entry and entry["raised_exception"]:
            kinds = _ERROR_KIND.findall(str(entry.get("exception_message") or ""))
            return f"the engine rejected the query{f' ({kinds[0]})' if kinds else ''}"
    return None


def report_of(suite: ExpectationSuite, results: Sequence[CheckResult]) -> dict[str, Any]:
    """Return the validation result in Great Expectations' JSON format, without personal data.

    Every figure is taken from `results`. Values and error messages that Great Expectations collected are left out.
    """
    entries = [
        {
            "success": result.passed,
            "expectation_config": expectation.configuration.to_json_dict(),
            "result": _shown(result),
            "exception_info": {
                "raised_exception": result.fault is not None,
                "exception_message": result.fault,
                "exception_traceback": result.fault,
            },
            "meta": {},
        }
        for expectation, result in zip(suite.expectations, results, strict=True)
    ]
    passed = sum(result.passed for result in results)
    return {
        "success": passed == len(results),
        "suite_name": suite.name,
        "statistics": {
            "evaluated_expectations": len(results),
            "successful_expectations": passed,
            "unsuccessful_expectations": len(results) - passed,
            "success_percent": 100.0 * passed / len(results),
        },
        "meta": {"great_expectations_version": gx.__version__},
        "results": entries,
    }


def _shown(result: CheckResult) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if result.unexpected_count is not None:
        shown |= {
            "element_count": result.element_count,
            "unexpected_count": result.unexpected_count,
            "unexpected_percent": result.unexpected_percent,
            "partial_unexpected_list": [_line(example) for example in result.examples],
        }
    if result.observed_value is not None:
        shown["observed_value"] = result.observed_value
    return shown


def _line(example: Example) -> str:
    return ", ".join(f"{name.lstrip('_').replace('_', ' ')} {value}" for name, value in example.items())
