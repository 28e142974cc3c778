"""The results of Dagster's checks of a table, from the results of the rules of its contract."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import dagster as dg

from pipelines.orchestration.metadata_table import table_value
from pipelines.quality.inspection import Inspection
from pipelines.quality.result import CheckResult

STEP_SUFFIX = "__checks"
"""Ends the name of the step that checks a table; the rest is the name of the step that makes it."""
PASSED = "rules_passed"
WARNED = "rules_warned"
FAILED = "rules_failed"
_HEADINGS = ("result", "rule", "broken", "of", "found", "places", "examples")
_NUMBERS = ("broken", "of")
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
            "rules": table_value(_HEADINGS, map(_row, sorted(results, key=_urgency)), numbers=_NUMBERS),
        },
    )


def rule_group(kind: str) -> str:
    """Return the name of the Dagster check that holds the rules of this kind."""
    return _GROUPS.get(kind, kind)


def _headline(results: Sequence[CheckResult], broken: Sequence[CheckResult]) -> str:
    if not results:
        return "Not checked"
    return "\n\n".join(_line(result) for result in sorted(broken, key=_urgency)) or f"All {len(results)} hold"


def _urgency(result: CheckResult) -> int:
    """Return the place of a result in a list: failed rules first, then warnings, then the others."""
    return 2 if result.passed else 0 if result.is_blocking else 1


def _line(result: CheckResult) -> str:
    places = _places(result)
    return f"{result.summary} (in {', '.join(places)})" if places else result.summary


def _row(result: CheckResult) -> tuple[object, ...]:
    mark = "holds" if result.passed else "failed" if result.is_blocking else "warning"
    examples = "; ".join(_example(example) for example in result.examples)
    found = result.fault or result.observed_value
    counts = (result.unexpected_count, result.element_count)
    return (mark, result.description, *counts, found, ", ".join(_places(result)), examples)


def _places(result: CheckResult) -> list[str]:
    """Return the file and line of each example, for a source."""
    places = [(example.get("_source_file"), example.get("_line")) for example in result.examples]
    return [f"{file} line {line}" for file, line in places if file is not None]


def _example(example: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in example.items() if not name.startswith("_"))
