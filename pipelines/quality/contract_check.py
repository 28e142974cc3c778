"""Derives the checks of a table from its contract."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from installation.contract.document import Column, Contract
from pipelines.ingest.future_event import TOLERANCE
from pipelines.quality import sql
from pipelines.quality.check import (
    Check,
    KeyCheck,
    MeasureCheck,
    OutlierCheck,
    QueryCheck,
    Range,
    ReferenceCheck,
    RowCheck,
    SchemaCheck,
    Severity,
)
from pipelines.quality.contract_rule import rule_checks
from pipelines.quality.volume import expected_rows

# Landed files contain faults that silver removes: some repeated rows, some keys that the parent table does not have.
SOURCE_DUPLICATE_PERCENT = 5.0
SOURCE_ORPHAN_PERCENT = 1.0
# Only 2e-6 of a normal distribution lie beyond three interquartile ranges. Money and counts have heavier tails.
OUTLIER_PERCENT = 5.0
# Counting distinct keys holds all of them in memory and costs more than all other checks together. Where some repeated
# rows are allowed, a sample of a few million keys gives their share to a hundredth of a per cent.
LARGEST_EXACT_KEY = 3_000_000
# Kinds of checks whose failure makes derived tables wrong. Other failures are reported and do not stop a run.
BLOCKING_KINDS = frozenset({"schema", "required", "key"})
# Compares rows whose columns are encrypted; ingest computed this hash from the unencrypted values.
ROW_HASH = ("_row_hash_low", "_row_hash_high")
# Columns that ingest adds to each bronze row to say where it came from.
TECHNICAL_COLUMNS = frozenset({"_load_id", "_source_file", "_row_hash_low", "_row_hash_high", "_line", "_loaded_at"})


@dataclass(frozen=True)
class RunContext:
    """Facts of a run that the checks need besides the contract.

    Attributes:
        as_of: reference date of the run.
        rows_before: row counts of earlier runs, oldest first.
        rows: number of rows of the table, 0 if unknown; the keys of a large source table are checked on a sample.
    """

    as_of: datetime
    rows_before: tuple[int, ...] = ()
    rows: int = 0


def derive_checks(contract: Contract, run_context: RunContext) -> tuple[Check, ...]:
    """Return all checks of a contract, in a stable order; their names are unique within the table.

    The severity of schema, key and required columns is `error`, but a repeated key of a source is a `warning`. All
    other checks are warnings. The contract's `checkSeverity` overrides this by the check's name, column or kind. A rule
    under `quality` can state its own `severity`.

    Raises:
        QualityRuleError: a rule under `quality` cannot be converted to a check.

    """
    return (
        _schema(contract),
        _volume(contract, run_context),
        *_freshness(contract, run_context),
        *_key(contract, run_context),
        *(check for column in contract.columns for check in _column_checks(contract, column)),
        *_flags(contract),
        *_references(contract),
        *_outliers(contract),
        *rule_checks(contract),
    )


def _severity(contract: Contract, name: str, kind: str, column: str | None = None) -> Severity:
    for key in (name, column, kind):
        declared = contract.check_severity.get(key) if key else None
        if declared:
            return "error" if declared == "error" else "warning"
    is_dirt = kind == "key" and contract.layer == "source"
    return "error" if kind in BLOCKING_KINDS and not is_dirt else "warning"


def _schema(contract: Contract) -> SchemaCheck:
    types = {column.name: column.spark_type for column in contract.columns}
    types |= {column.name: "binary" for column in contract.encrypted_columns}
    companions = {column.token_name for column in contract.columns if column.token_name}
    companions |= {column.flag_name for column in contract.flagged_columns}
    flags = {f"{column.name}_is_imputed" for column in contract.columns if column.impute}
    return SchemaCheck(
        name="schema",
        kind="schema",
        severity=_severity(contract, "schema", "schema"),
        description=f"The table has the {len(types)} columns of its contract, with their types",
        types=types,
        optional=TECHNICAL_COLUMNS | companions | flags,
    )


def _volume(contract: Contract, run_context: RunContext) -> MeasureCheck:
    within, reason = expected_rows(run_context.rows_before, contract.volume)
    return MeasureCheck(
        name="volume",
        kind="volume",
        severity=_severity(contract, "volume", "volume"),
        description=f"The number of rows is as expected ({reason})",
        measure="count(1)",
        within=within,
    )


def _freshness(contract: Contract, run_context: RunContext) -> Iterator[MeasureCheck]:
    column = contract.freshness_column
    if column is None and contract.touchpoint is not None:
        column = contract.touchpoint.columns.get("event_time")
    if column is None or contract.freshness_hours is None:
        return
    # Data that arrives every `frequency` with a delay of `latency` can be as old as their sum when it is checked.
    hours = contract.freshness_hours + (contract.frequency_hours or 0.0)
    oldest = (run_context.as_of - timedelta(days=math.ceil(hours / 24))).date()
    # A wrong date in the future must not make a table count as fresh.
    day, latest = f"cast({sql.name(column)} as date)", run_context.as_of.date() + TOLERANCE
    yield MeasureCheck(
        name="freshness",
        kind="freshness",
        severity=_severity(contract, "freshness", "freshness", column),
        column=column,
        description=f"The newest {column} up to {latest} is of {oldest} or later ({hours:g} h before the run's date)",
        measure=f"cast(max(case when {day} <= date '{latest}' then {day} end) as string)",
        within=Range(minimum=oldest.isoformat()),
    )


def _key(contract: Contract, run_context: RunContext) -> Iterator[KeyCheck]:
    key = contract.primary_key
    is_source = contract.layer == "source"
    one_in = -(-run_context.rows // LARGEST_EXACT_KEY) if is_source and run_context.rows else 1
    allowance = _allowance(is_source, SOURCE_DUPLICATE_PERCENT)
    if one_in > 1:
        allowance += f", checked on a sample of one key in {one_in}"
    if key:
        yield KeyCheck(
            name="unique_key",
            kind="key",
            severity=_severity(contract, "unique_key", "key"),
            description=f"One row per {', '.join(key)}{allowance}",
            columns=comparable(key, contract) or ROW_HASH,
            max_percent=SOURCE_DUPLICATE_PERCENT if is_source else 0.0,
            one_in=one_in,
        )
    elif is_source:
        yield KeyCheck(
            name="duplicate_rows",
            kind="duplicates",
            severity=_severity(contract, "duplicate_rows", "duplicates"),
            description=f"No row is repeated{allowance}",
            columns=comparable([column.name for column in contract.columns], contract) or ROW_HASH,
            max_percent=SOURCE_DUPLICATE_PERCENT,
            one_in=one_in,
        )


def _allowance(is_allowed: bool, percent: float) -> str:
    return f", up to {percent:g} % aside" if is_allowed else ""


def comparable(columns: Sequence[str], contract: Contract) -> tuple[str, ...] | None:
    """Return the columns by which rows can be compared, with the matching token in place of an encrypted column.

    Two ciphertexts of the same value differ, so they cannot be compared. None if an encrypted column has no token.
    """
    tokens = {column.name: column.token_name for column in contract.encrypted_columns}
    found = [tokens.get(name, name) for name in columns]
    return None if None in found else tuple(name for name in found if name)


def _flags(contract: Contract) -> Iterator[RowCheck]:
    """Yield a check for each `<column>_is_valid` flag, which ingest sets for encrypted columns whose rules only warn.

    Rules of other encrypted columns need no check: rows that break them went to quarantine.
    """
    for column in contract.flagged_columns:
        name = f"valid_{column.name}"
        yield RowCheck(
            name=name,
            kind="valid",
            severity=_severity(contract, name, "valid", column.name),
            column=column.flag_name,
            description=f"{column.name} kept the rules of its contract when it was loaded",
            violation=f"not {sql.name(column.flag_name)}",
            element=f"{sql.name(column.name)} is not null",
        )


def _column_checks(contract: Contract, column: Column) -> Iterator[Check]:
    is_encrypted = column in contract.encrypted_columns
    for kind, violation, description in _promises(column):
        if is_encrypted and kind != "required":
            # Ingest checked the unencrypted value.
            continue
        name = f"{kind}_{column.name}"
        yield RowCheck(
            name=name,
            kind=kind,
            severity=_severity(contract, name, kind, column.name),
            column=column.name,
            description=description,
            violation=violation,
            element="true" if kind == "required" else f"{sql.name(column.name)} is not null",
        )
    key = comparable([column.name], contract)
    if column.unique and contract.primary_key != (column.name,) and key:
        name = f"unique_{column.name}"
        yield KeyCheck(
            name=name,
            kind="key",
            severity=_severity(contract, name, "key", column.name),
            column=column.name,
            description=f"{column.name} is unique",
            columns=key,
            max_percent=SOURCE_DUPLICATE_PERCENT if contract.layer == "source" else 0.0,
        )


def _promises(column: Column) -> Iterator[tuple[str, str, str]]:
    """Yield kind, SQL violation and description of each rule that the contract states for the column's values."""
    quoted = sql.name(column.name)
    if column.required:
        yield "required", f"{quoted} is null", f"{column.name} is never null"
    low, high = column.minimum, column.maximum
    if low is not None or high is not None:
        terms = [f"{quoted} < {sql.literal(low)}"] if low is not None else []
        terms += [f"{quoted} > {sql.literal(high)}"] if high is not None else []
        yield "range", " or ".join(terms), f"{column.name} lies {_between(low, high)}"
    if column.enum is not None:
        yield (
            "enum",
            f"{quoted} not in {sql.list_of(column.enum)}",
            f"{column.name} is one of its listed values",
        )
    if column.pattern is not None:
        yield "pattern", f"not {quoted} rlike {sql.literal(column.pattern)}", f"{column.name} has its pattern"
    shortest, longest = column.min_length, column.max_length
    if shortest is not None or longest is not None:
        terms = [f"char_length({quoted}) < {shortest}"] if shortest is not None else []
        terms += [f"char_length({quoted}) > {longest}"] if longest is not None else []
        yield "length", " or ".join(terms), f"The length of {column.name} lies {_between(shortest, longest)}"


def _between(low: object, high: object) -> str:
    if low is None:
        return f"at or below {high}"
    return f"at or above {low}" if high is None else f"between {low} and {high}"


def _references(contract: Contract) -> Iterator[ReferenceCheck]:
    is_source = contract.layer == "source"
    tokens = {column.name: column.token_name for column in contract.encrypted_columns}
    for relationship in contract.relationships:
        # A key that is encrypted here is also encrypted in the parent table, so the matching tokens are compared.
        parents = zip(relationship.columns, relationship.target_columns, strict=True)
        name = f"reference_{'_'.join(relationship.columns)}"
        parent = table_of(relationship.target_id(contract.layer))
        yield ReferenceCheck(
            name=name,
            kind="reference",
            severity=_severity(contract, name, "reference", relationship.columns[0]),
            column=relationship.columns[0] if len(relationship.columns) == 1 else None,
            description=f"{', '.join(relationship.columns)} exists in {parent}"
            + _allowance(is_source, SOURCE_ORPHAN_PERCENT),
            columns=tuple(tokens.get(name) or name for name in relationship.columns),
            parent=parent,
            parent_columns=tuple(f"{target}_token" if tokens.get(name) else target for name, target in parents),
            max_percent=SOURCE_ORPHAN_PERCENT if is_source else 0.0,
        )


def _outliers(contract: Contract) -> Iterator[OutlierCheck]:
    for column in contract.outlier_columns:
        name = f"outliers_{column}"
        yield OutlierCheck(
            name=name,
            kind="outliers",
            severity=_severity(contract, name, "outliers", column),
            column=column,
            description=f"At most {OUTLIER_PERCENT:g} % of {column} lie beyond three interquartile ranges",
            max_percent=OUTLIER_PERCENT,
        )


def table_of(contract_id: str) -> str:
    """Return the lakehouse name of a contract's table.

    >>> table_of("source.store"), table_of("silver.customer")
    ('bronze/store', 'silver/customer')
    """
    layer, _, name = contract_id.partition(".")
    return f"{'bronze' if layer == 'source' else layer}/{name}"


def parents_of(checks: Sequence[Check]) -> frozenset[str]:
    """Return the other tables that the checks read: parents of references, and tables that SQL rules name."""
    parents = {check.parent for check in checks if isinstance(check, ReferenceCheck)}
    named = {table for check in checks if isinstance(check, QueryCheck) for table in check.tables}
    return frozenset(parents | named)
