"""Converts the rules under `quality` in a contract (ODCS v3.2) to checks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from installation.contract.document import Contract
from pipelines.quality import sql
from pipelines.quality.check import Check, MeasureCheck, NativeCheck, QueryCheck, Range, RowCheck, Severity
from pipelines.quality.errors import QualityRuleError
from pipelines.quality.expectation_sql import to_sql_rule

# The spellings of Great Expectations that contracts use as the engine's name.
GREAT_EXPECTATIONS = frozenset({"greatexpectations", "great-expectations", "great_expectations"})
_PLACEHOLDER = re.compile(r"\$?\{(object|table|model|schema|property|column|field)\}")
_VIEW = re.compile(r"\b(bronze|silver|gold|release)_([a-z0-9_]+)\b")
_TABLE_PLACEHOLDERS = frozenset({"object", "table", "model", "schema"})


def rule_checks(contract: Contract) -> Iterator[Check]:
    """Yield a check for each rule of the table and of its columns, except rules of type `text`, which are prose.

    Raises:
        QualityRuleError: a rule names an engine, a metric or an operator that is not supported, or a column that
            bronze stores encrypted.

    """
    for position, rule in enumerate(contract.quality):
        yield from _read(contract, rule, None, f"rule_{position + 1}")
    for column in contract.columns:
        for position, rule in enumerate(column.quality):
            yield from _read(contract, rule, column.name, f"rule_{column.name}_{position + 1}")


def _read(contract: Contract, rule: Mapping[str, Any], column: str | None, fallback: str) -> Iterator[Check]:
    kind = rule.get("type") or ("sql" if "query" in rule else "library")
    name = re.sub(r"\W+", "_", rule.get("name") or fallback)
    severity = _severity(contract, rule, name)
    description = " ".join(str(rule.get("description") or name.replace("_", " ")).split())
    if kind == "text":
        return
    encrypted = {one.name for one in contract.encrypted_columns} & _named(rule, column)
    if encrypted:
        raise QualityRuleError(
            f"{contract.id}: rule {name!r} cannot be checked, because bronze stores {', '.join(sorted(encrypted))} "
            "encrypted; state the rule in logicalTypeOptions or enum, which ingest checks before encryption",
            contract.id,
            name,
        )
    if kind == "library":
        yield MeasureCheck(
            name=name,
            kind="rule",
            severity=severity,
            column=column,
            description=description,
            measure=_library_measure(contract, rule, column, name),
            within=_within(contract, rule, name),
        )
    elif kind == "sql":
        query = _fill(str(rule["query"]), contract, column)
        yield QueryCheck(
            name=name,
            kind="rule",
            severity=severity,
            column=column,
            description=description,
            query=query,
            within=_within(contract, rule, name),
            tables=tuple(sorted({f"{layer}/{table}" for layer, table in _VIEW.findall(query)} - {contract.table})),
        )
    elif kind == "custom" and str(rule.get("engine", "")).lower() in GREAT_EXPECTATIONS:
        yield _expectation(contract, rule, name, severity, description, column)
    else:
        raise QualityRuleError(
            f"{contract.id}: rule {name!r} cannot be run: it has type {kind!r} and engine {rule.get('engine')!r}; "
            "expected type library, sql or text, or type custom with engine greatExpectations",
            contract.id,
            name,
        )


def _named(rule: Mapping[str, Any], column: str | None) -> set[str]:
    """Return the column names that a rule lists. Columns in the text of a SQL query are not found."""
    implementation = rule.get("implementation")
    arguments = implementation.get("kwargs") if isinstance(implementation, Mapping) else rule.get("arguments")
    named = {column}
    for value in (arguments or {}).values():
        named |= set(value) if isinstance(value, list) else {value}
    return {name for name in named if isinstance(name, str)}


def _severity(contract: Contract, rule: Mapping[str, Any], name: str) -> Severity:
    declared = contract.check_severity.get(name) or rule.get("severity") or "warning"
    return "error" if declared == "error" else "warning"


def _fill(query: str, contract: Contract, column: str | None) -> str:
    """Return the query with the names of the table's view and of the column in place of the ODCS placeholders."""

    def replace(match: re.Match[str]) -> str:
        if match[1] in _TABLE_PLACEHOLDERS:
            return sql.name(sql.view_name(contract.table))
        return sql.name(column) if column else match[0]

    return _PLACEHOLDER.sub(replace, query)


def _library_measure(contract: Contract, rule: Mapping[str, Any], column: str | None, name: str) -> str:
    metric = rule.get("metric") or rule.get("rule")
    arguments: Mapping[str, Any] = rule.get("arguments") or {}
    columns = tuple(arguments.get("properties") or ((column,) if column else ()))
    if metric == "rowCount":
        return "count(1)"
    if not columns:
        raise QualityRuleError(
            f"{contract.id}: rule {name!r} names no column; move the rule to a property, or list the columns in "
            "`arguments.properties`",
            contract.id,
            name,
        )
    quoted = sql.name(columns[0])
    if metric == "nullValues":
        count = f"count_if({quoted} is null)"
    elif metric == "missingValues":
        texts = tuple(value for value in arguments.get("missingValues", ()) if value is not None)
        count = f"count_if({quoted} is null" + (f" or {quoted} in {sql.list_of(texts)})" if texts else ")")
    elif metric == "invalidValues":
        count = f"count_if({_invalid(contract, arguments, quoted, name)})"
    elif metric == "duplicateValues":
        key = ", ".join(sql.name(each) for each in columns)
        count = f"(count(1) - count(distinct xxhash64({key})))"
    else:
        raise QualityRuleError(
            f"{contract.id}: rule {name!r} has the unknown metric {metric!r}; expected nullValues, "
            "missingValues, invalidValues, duplicateValues or rowCount",
            contract.id,
            name,
        )
    return f"coalesce(100.0D * {count} / count(1), 0D)" if rule.get("unit") == "percent" else count


def _invalid(contract: Contract, arguments: Mapping[str, Any], quoted: str, name: str) -> str:
    if arguments.get("validValues"):
        return f"{quoted} not in {sql.list_of(tuple(arguments['validValues']))}"
    if arguments.get("pattern"):
        return f"not {quoted} rlike {sql.literal(str(arguments['pattern']))}"
    raise QualityRuleError(
        f"{contract.id}: rule {name!r} does not state which values are valid; add `arguments.validValues` or "
        "`arguments.pattern`",
        contract.id,
        name,
    )


def _within(contract: Contract, rule: Mapping[str, Any], name: str) -> Range:
    if "mustBe" in rule:
        return Range(rule["mustBe"], rule["mustBe"])
    if "mustNotBe" in rule:
        return Range(rule["mustNotBe"], rule["mustNotBe"], is_excluded=True)
    for key, is_excluded in (("mustBeBetween", False), ("mustNotBeBetween", True)):
        if key in rule:
            return Range(rule[key][0], rule[key][1], is_excluded=is_excluded)
    if "mustBeGreaterThan" in rule:
        return Range(minimum=rule["mustBeGreaterThan"], is_minimum_strict=True)
    if "mustBeGreaterOrEqualTo" in rule:
        return Range(minimum=rule["mustBeGreaterOrEqualTo"])
    if "mustBeLessThan" in rule:
        return Range(maximum=rule["mustBeLessThan"], is_maximum_strict=True)
    if "mustBeLessOrEqualTo" in rule:
        return Range(maximum=rule["mustBeLessOrEqualTo"])
    raise QualityRuleError(
        f"{contract.id}: rule {name!r} states no limit; expected one of mustBe, mustNotBe, "
        "mustBeGreaterThan, mustBeGreaterOrEqualTo, mustBeLessThan, mustBeLessOrEqualTo, "
        "mustBeBetween, mustNotBeBetween",
        contract.id,
        name,
    )


def _expectation(
    contract: Contract,
    rule: Mapping[str, Any],
    name: str,
    severity: Severity,
    description: str,
    column: str | None,
) -> Check:
    implementation = rule.get("implementation")
    if not isinstance(implementation, Mapping) or not (
        implementation.get("type") or implementation.get("expectation_type")
    ):
        raise QualityRuleError(
            f"{contract.id}: rule {name!r} has no expectation; expected `implementation: {{type: expect_…, "
            "kwargs: {…}}`",
            contract.id,
            name,
        )
    expectation = str(implementation.get("type") or implementation["expectation_type"])
    arguments = dict(implementation.get("kwargs") or {})
    if column is not None:
        arguments.setdefault("column", column)
    shared = to_sql_rule(expectation, arguments)
    if shared is None:
        return NativeCheck(
            name=name,
            kind="rule",
            severity=severity,
            column=arguments.get("column"),
            description=description,
            type=expectation,
            arguments=arguments,
        )
    return RowCheck(
        name=name,
        kind="rule",
        severity=severity,
        column=arguments.get("column"),
        description=description,
        violation=shared.violation,
        element=shared.element,
        max_percent=shared.max_percent,
    )
