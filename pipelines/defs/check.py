"""Asset checks: what `pipelines.quality` promises and finds of a table, as Dagster shows it.

A table has one Dagster check for each kind of rule (schema, keys, values, references, volume ...), not for
each rule: a reader scans six, and the list in its metadata gives each rule with counts and examples. A check
blocks when a rule of severity *error* in it is broken; broken *warnings* are shown and let the run go on.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import dagster as dg

from installation.contract.document import Contract
from pipelines.defs.consent import consent_result, consent_spec
from pipelines.defs.failure import own_errors_are_final
from pipelines.defs.metadata import asset_key
from pipelines.quality.contract_check import RunContext, derive_checks, parents_of, table_of
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
# Which rules exist does not depend on the day; only the bounds of freshness and volume do.
_ANY_DAY = RunContext(as_of=datetime(2017, 12, 31))


def table_checks(contract: Contract, later: Collection[str] = ()) -> dg.AssetChecksDefinition:
    """Return the checks of a table: one step after it and after the tables that its rules look into.

    `later` are tables that the step cannot look into, because they are built from this one; it says so.
    """
    specs = check_specs(contract, rule_parents(contract) - {contract.table})
    consent = consent_spec(contract)
    left_out = f"References into {', '.join(sorted(later))} are not checked: built from this table." if later else None

    @dg.multi_asset_check(
        name=contract.table.replace("/", "__") + STEP_SUFFIX,
        specs=[*specs, *([consent] if consent else [])],
        description=left_out,
        # Whatever can be built goes first: its checks run beside it meanwhile.
        op_tags={"dagster/priority": "-1"},
        required_resource_keys={"gate", "today", "lakehouse", "consent", "account"},
    )
    def inspect(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        held = context.resources
        with own_errors_are_final():
            inspection = held.gate.inspect(contract, held.today())
            proven = [consent_result(contract, held.lakehouse, held.consent(), held.account)] if consent else []
        yield from check_results(specs, inspection)
        yield from proven

    return inspect


def without_references(contract: Contract, tables: Collection[str]) -> Contract:
    """Return the contract without its references into the tables."""
    kept = (
        relationship
        for relationship in contract.relationships
        if table_of(relationship.target_id(contract.layer)) not in tables
    )
    return replace(contract, relationships=tuple(kept))


def rule_parents(contract: Contract) -> frozenset[str]:
    """Return the tables that the contract's rules look into besides its own."""
    return parents_of(derive_checks(contract, _ANY_DAY))


def check_specs(contract: Contract, parents: Iterable[str] = ()) -> list[dg.AssetCheckSpec]:
    """Return one blocking check for each kind of rule that the contract has."""
    groups: dict[str, list[str]] = {}
    for check in derive_checks(contract, _ANY_DAY):
        groups.setdefault(_group(check.kind), []).append(check.description)
    return [
        dg.AssetCheckSpec(
            name,
            asset=asset_key(contract.table),
            additional_deps=[asset_key(parent) for parent in parents],
            blocking=True,
            description="; ".join(descriptions),
        )
        for name, descriptions in groups.items()
    ]


def check_results(specs: Iterable[dg.AssetCheckSpec], inspection: Inspection) -> Iterator[dg.AssetCheckResult]:
    """Yield the result of each check. One without any result has failed: it was not checked."""
    for spec in specs:
        results = [result for result in inspection.quality.results if _group(result.kind) == spec.name]
        yield _result(spec, results, inspection.is_new)


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


def _group(kind: str) -> str:
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
