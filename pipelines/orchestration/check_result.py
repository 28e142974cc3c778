"""The results of Dagster's checks of a table, from the results of the rules of its contract."""

from collections.abc import Iterable, Iterator, Sequence

import dagster as dg

from pipelines.quality.inspection import Inspection
from pipelines.quality.result import CheckResult

STEP_SUFFIX = "__checks"
"""Ends the name of the step that checks a table; the rest is the name of the step that makes it."""
PASSED = "rules_passed"
WARNED = "rules_warned"
FAILED = "rules_failed"
_GROUPS = {
    "required": "values",
    "range": "values",
    "enum": "values",
    "pattern": "values",
    "length": "values",
    "key": "keys",
    "duplicates": "keys",
    "reference": "references",
    "rule": "rules",
}


def check_results(specs: Iterable[dg.AssetCheckSpec], inspection: Inspection) -> Iterator[dg.AssetCheckResult]:
    """Yield the result of each check. One without any result has failed: it was not checked."""
    for spec in specs:
        results = [result for result in inspection.quality.results if rule_group(result.kind) == spec.name]
        yield _result(spec, results, inspection.is_new)


def absent_results(keys: Iterable[dg.AssetCheckKey]) -> Iterator[dg.AssetCheckResult]:
    """Yield a passed result for each check of a table that was not built because it has no input."""
    for key in keys:
        yield dg.AssetCheckResult(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=True,
            description="The table is not built, because no source that feeds it has landed.",
        )


def _result(spec: dg.AssetCheckSpec, results: Sequence[CheckResult], is_new: bool) -> dg.AssetCheckResult:
    broken = [result for result in results if not result.passed]
    errors = sum(result.is_blocking for result in broken)
    was_checked = bool(results)
    return dg.AssetCheckResult(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=was_checked and not broken,
        severity=dg.AssetCheckSeverity.ERROR if errors or not was_checked else dg.AssetCheckSeverity.WARN,
        description=_headline(results, broken),
        metadata={
            PASSED: len(results) - len(broken),
            WARNED: len(broken) - errors,
            FAILED: errors if was_checked else 1,
            "checked_now": is_new,
            "rules": dg.MetadataValue.md(_list(results)),
        },
    )


def rule_group(kind: str) -> str:
    """Return the name of the Dagster check that holds the rules of this kind."""
    return _GROUPS.get(kind, kind)


def _headline(results: Sequence[CheckResult], broken: Sequence[CheckResult]) -> str:
    if not results:
        return "Not checked"
    return "; ".join(result.summary for result in broken) or f"All {len(results)} hold"


def _list(results: Sequence[CheckResult]) -> str:
    lines = ["| | rule | severity | broken | of | found | examples |", "|---|---|---|---:|---:|---|---|"]
    lines.extend(_row(result) for result in sorted(results, key=lambda result: result.passed))
    return "\n".join(lines)


def _row(result: CheckResult) -> str:
    mark = "✅" if result.passed else "❌" if result.is_blocking else "⚠️"
    examples = "<br>".join(_example(example) for example in result.examples)
    found = result.fault or ("" if result.observed_value is None else result.observed_value)
    cells = (mark, result.description, result.severity, _count(result.unexpected_count))
    return "| " + " | ".join(map(_cell, (*cells, _count(result.element_count), found, examples))) + " |"


def _example(example: object) -> str:
    pairs = example.items() if isinstance(example, dict) else ()
    return ", ".join(f"{name}={value}" for name, value in pairs)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
