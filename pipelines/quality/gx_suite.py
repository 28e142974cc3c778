"""Converts checks to a Great Expectations suite. Import it through `gx_import`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from great_expectations import ExpectationSuite
from great_expectations.exceptions.exceptions import ExpectationNotFoundError
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity
from great_expectations.expectations.registry import get_expectation_impl

from pipelines.quality import sql
from pipelines.quality.check import (
    Check,
    KeyCheck,
    MeasureCheck,
    NativeCheck,
    OutlierCheck,
    QueryCheck,
    ReferenceCheck,
    RowCheck,
    SchemaCheck,
)
from pipelines.quality.errors import QualityRuleError
from pipelines.quality.gx_expectation import (
    ExpectFewOutliers,
    ExpectKeyToBeUnique,
    ExpectMeasureToBeWithin,
    ExpectQueryToReturnWithin,
    ExpectReferencesToExist,
    ExpectRowsToKeepRule,
    ExpectSchemaToMatchContract,
)

# Text of Data Docs about a failure. It is part of the description, because in Great Expectations 1.24 an extra column
# fails for expectations that have a description.
_CONSEQUENCES = {"error": "stops what follows", "warning": "warns"}


def build_suite(table: str, checks: Sequence[Check]) -> ExpectationSuite:
    """Return the suite of a table; the `meta` of each expectation names its check.

    Raises:
        QualityRuleError: a built-in expectation is unknown, or its arguments are wrong.

    """
    expectations = [_expectation(table, check) for check in checks]
    return ExpectationSuite(name=table, expectations=expectations)


def _expectation(table: str, check: Check) -> Expectation:
    common: dict[str, Any] = {
        "description": f"{check.description} ({_CONSEQUENCES[check.severity]})",
        "severity": FailureSeverity.CRITICAL if check.severity == "error" else FailureSeverity.WARNING,
        "meta": {"check": check.name, "kind": check.kind},
    }
    if isinstance(check, NativeCheck):
        return _native(table, check, common)
    if check.column is not None:
        common["column"] = check.column
    if isinstance(check, RowCheck):
        return ExpectRowsToKeepRule(
            violation=check.violation, element=check.element, max_percent=check.max_percent, **common
        )
    if isinstance(check, KeyCheck):
        return ExpectKeyToBeUnique(
            columns=list(check.columns), max_percent=check.max_percent, one_in=check.one_in, **common
        )
    if isinstance(check, OutlierCheck):
        return ExpectFewOutliers(max_percent=check.max_percent, spread=check.spread, **common)
    if isinstance(check, ReferenceCheck):
        return ExpectReferencesToExist(
            columns=list(check.columns),
            parent=sql.view_name(check.parent),
            parent_columns=list(check.parent_columns),
            max_percent=check.max_percent,
            **common,
        )
    if isinstance(check, MeasureCheck):
        return ExpectMeasureToBeWithin(measure=check.measure, within=asdict(check.within), **common)
    if isinstance(check, QueryCheck):
        return ExpectQueryToReturnWithin(query=check.query, within=asdict(check.within), **common)
    if isinstance(check, SchemaCheck):
        return ExpectSchemaToMatchContract(types=dict(check.types), optional=sorted(check.optional), **common)
    raise TypeError(f"No expectation is written for a check of type {type(check).__name__}; add one to gx_suite")


def _native(table: str, check: NativeCheck, common: dict[str, Any]) -> Expectation:
    try:
        expectation: Expectation = get_expectation_impl(check.type)(**check.arguments, **common)
    except (ExpectationNotFoundError, ValueError, TypeError) as error:
        raise QualityRuleError(
            f"{table}: rule {check.name!r} is not a valid expectation: {check.type} with "
            f"{', '.join(sorted(check.arguments)) or 'no arguments'}; correct the name or the arguments as the "
            "Expectation Gallery of Great Expectations 1.24 describes them",
            table,
            check.name,
        ) from error
    return expectation
