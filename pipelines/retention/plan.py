"""Plans the retention of each table: counts the rows that are due and those that are kept, with the reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from installation.contract.document import Contract, Contracts
from installation.lakehouse.lakehouse import Lakehouse
from installation.quality.quarantine_content import QUARANTINE

LAYERS = ("source", "silver", "gold", "release")
LOADED = "_loaded_at"


@dataclass(frozen=True)
class KeptRows:
    """A number of rows that are kept, and the reason."""

    rows: int
    reason: str


@dataclass(frozen=True)
class RetentionPlan:
    """The rows of one table that are due for deletion, and those that are kept.

    Attributes:
        table: lakehouse name of the table.
        contract_id: contract that states the retention. Quarantine has one plan for each source.
        rows: number of rows that the contract covers.
        due_rows: number of rows that are due.
        due: SQL condition for the rows that are due, without personal values; None if no row is due.
        counts_from: column from which the retention counts; None if the table is rebuilt instead.
        before: first day that is kept. Rows with an earlier day in that column are due, unless a hold applies.
        held: number of rows that are kept, by reason.
        next_due: day on which the retention of the next row ends; None if there is no such row.
        basis: legal basis of the retention.
    """

    table: str
    contract_id: str
    rows: int
    due_rows: int
    due: str | None
    counts_from: str | None
    before: date | None
    held: tuple[KeptRows, ...]
    next_due: date | None
    basis: str

    @property
    def share(self) -> float:
        """Share of the rows that are due, from 0 to 1; 0 without rows."""
        return self.due_rows / self.rows if self.rows else 0.0

    @property
    def covers(self) -> str:
        """The table, and for quarantine the contract whose rows the plan covers."""
        return f"{self.table} of {self.contract_id}" if self.table == QUARANTINE else self.table


def plan_retention(lakehouse: Lakehouse, contracts: Contracts, today: date) -> tuple[RetentionPlan, ...]:
    """Return a plan for each existing table whose contract states a retention, and for each source's quarantine.

    A row is due if the day in its time column is more than the retention days before `today`. The time column is the
    contract's `element` of the retention; a source without one uses the day of loading. A row that the contract's
    `retentionHold` covers is not due. A row whose time is null is not due either. A derived row whose
    contract names the column of its source (`retentionBySource`) is kept no longer than that source's rows. A derived
    table without time column has no due rows, because each refresh rebuilds it from rows that are still kept.
    """
    return tuple(_plans(lakehouse, contracts, today))


def _plans(lakehouse: Lakehouse, contracts: Contracts, today: date) -> Iterator[RetentionPlan]:
    for layer in LAYERS:
        for contract in contracts.layer(layer):
            if contract.retention_days is None:
                continue
            if lakehouse.exists(contract.table):
                clock = contract.retention_column or (LOADED if layer == "source" else None)
                yield _plan(lakehouse, contract.table, contract, clock, today, shorter_sources(contract, contracts))
            if layer == "source" and lakehouse.exists(QUARANTINE):
                yield _plan(lakehouse, QUARANTINE, contract, "quarantined_at", today)


def shorter_sources(contract: Contract, contracts: Contracts) -> dict[str, int]:
    """Return the retention in days of each source that keeps its rows for a shorter time than a table of events.

    Empty for a table whose contract names no column of its source.
    """
    if contract.retention_by_source is None or contract.retention_days is None:
        return {}
    days = {source.name: source.retention_days for source in contracts.sources}
    return {name: kept for name, kept in days.items() if kept is not None and kept < contract.retention_days}


def _plan(
    lakehouse: Lakehouse, table: str, contract: Contract, clock: str | None, today: date,
    shorter: Mapping[str, int] = MappingProxyType({}),
) -> RetentionPlan:  # fmt: skip
    scope = f"source = '{contract.name}'" if table == QUARANTINE else "true"
    rows = _count(lakehouse, table, scope)
    basis = " ".join(part for part in (contract.retention_basis, contract.legal_article) if part)
    if clock is None:
        reason = "Rebuilt at each refresh from rows that are still kept."
        rebuilt = (KeptRows(rows, reason),) if rows else ()
        return RetentionPlan(table, contract.id, rows, 0, None, None, None, rebuilt, None, basis)
    assert contract.retention_days is not None
    before = today - timedelta(days=contract.retention_days)
    day = f'CAST("{clock}" AS DATE)'
    ended = {contract.retention_days: f"{day} < DATE '{before.isoformat()}'"}
    for kept in sorted(set(shorter.values())):
        named = ", ".join(f"'{name}'" for name, days in sorted(shorter.items()) if days == kept)
        first = today - timedelta(days=kept)
        ended[kept] = f"(\"{contract.retention_by_source}\" IN ({named}) AND {day} < DATE '{first.isoformat()}')"
    over = f"({scope}) AND ({' OR '.join(ended.values())})"
    kept_by = contract.retention_hold.get("where") if table != QUARANTINE else None
    due = f"{over} AND NOT coalesce(({kept_by}), false)" if kept_by else over
    due_rows = _count(lakehouse, table, due)
    unclocked = _count(lakehouse, table, f'({scope}) AND "{clock}" IS NULL')
    excepted = _count(lakehouse, table, over) - due_rows
    held = (
        KeptRows(rows - due_rows - unclocked - excepted, _reason(contract.retention_days, clock, shorter)),
        KeptRows(excepted, contract.retention_hold.get("reason", "")),
        KeptRows(unclocked, f"{clock} is null, so the end of the retention is unknown."),
    )
    next_due = _next_due(lakehouse, table, day, f"({scope}) AND NOT coalesce({over}, false)", contract, shorter)
    return RetentionPlan(
        table=table,
        contract_id=contract.id,
        rows=rows,
        due_rows=due_rows,
        due=due if due_rows else None,
        counts_from=clock,
        before=before,
        held=tuple(hold for hold in held if hold.rows),
        next_due=next_due,
        basis=basis,
    )


def _reason(days: int, clock: str, shorter: Mapping[str, int]) -> str:
    limit = ", but no longer than its source" if shorter else ""
    return f"Kept for {days} days from {clock}{limit}."


def _next_due(
    lakehouse: Lakehouse, table: str, day: str, kept: str, contract: Contract, shorter: Mapping[str, int]
) -> date | None:
    """Return the day on which the retention of the next kept row ends; None without kept rows."""
    assert contract.retention_days is not None
    ends = []
    for days in {contract.retention_days, *shorter.values()}:
        named = ", ".join(f"'{name}'" for name, limit in sorted(shorter.items()) if limit == days)
        scope = f'{kept} AND "{contract.retention_by_source}" IN ({named})' if named else kept
        oldest = _value(lakehouse, table, f"min({day})", scope)
        if oldest is not None:
            ends.append(oldest + timedelta(days=days + 1))
    return min(ends, default=None)


def _count(lakehouse: Lakehouse, table: str, condition: str) -> int:
    return int(_value(lakehouse, table, "count(*)", condition) or 0)


def _value(lakehouse: Lakehouse, table: str, measure: str, condition: str) -> Any:
    return lakehouse.select(table, f"{measure} AS found", condition)["found"][0].as_py()
