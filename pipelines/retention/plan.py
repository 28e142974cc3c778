"""What is due, what is held, and why: read from the contracts and counted in the tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from installation.contract.document import Contract, Contracts
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.ingest.quarantine import QUARANTINE

LAYERS = ("source", "silver", "gold", "release")
LOADED = "_loaded_at"


@dataclass(frozen=True)
class Hold:
    """Rows that stay, and why."""

    rows: int
    reason: str


@dataclass(frozen=True)
class TablePlan:
    """One table's rows by what becomes of them. `due` is a SQL condition without personal values, None if nothing is.

    `contract_id` names whose retention it is: quarantine has that of each source.
    """

    table: str
    contract_id: str
    rows: int
    due_rows: int
    due: str | None
    counts_from: str | None
    before: date | None
    held: tuple[Hold, ...]
    next_due: date | None
    basis: str


def plan_retention(lakehouse: Lakehouse, contracts: Contracts, today: date) -> tuple[TablePlan, ...]:
    """Judge every table that a contract gives a retention, and each source's rows in quarantine.

    A row is due when the day of its clock (the contract's `element` of the retention; for a source without one the
    day that it was loaded) lies more than the retention's days before `today`, unless the contract's `retentionHold`
    keeps it. What says no time is held: nobody could say that it is due.
    """
    return tuple(_plans(lakehouse, contracts, today))


def _plans(lakehouse: Lakehouse, contracts: Contracts, today: date) -> Iterator[TablePlan]:
    for layer in LAYERS:
        for contract in contracts.layer(layer):
            if contract.retention_days is None:
                continue
            if lakehouse.exists(contract.table):
                clock = contract.retention_column or (LOADED if layer == "source" else None)
                yield _plan(lakehouse, contract.table, contract, clock, today)
            if layer == "source" and lakehouse.exists(QUARANTINE):
                yield _plan(lakehouse, QUARANTINE, contract, "quarantined_at", today)


def _plan(lakehouse: Lakehouse, table: str, contract: Contract, clock: str | None, today: date) -> TablePlan:
    scope = f"source = '{contract.name}'" if table == QUARANTINE else "true"
    rows = _count(lakehouse, table, scope)
    basis = " ".join(part for part in (contract.retention_basis, contract.legal_article) if part)
    if clock is None:
        reason = "Built anew at every refresh from rows that are still kept."
        rebuilt = (Hold(rows, reason),) if rows else ()
        return TablePlan(table, contract.id, rows, 0, None, None, None, rebuilt, None, basis)
    assert contract.retention_days is not None
    before = today - timedelta(days=contract.retention_days)
    day = f'CAST("{clock}" AS DATE)'
    over = f"({scope}) AND {day} < DATE '{before.isoformat()}'"
    kept_by = contract.retention_hold.get("where") if table != QUARANTINE else None
    due = f"{over} AND NOT coalesce(({kept_by}), false)" if kept_by else over
    due_rows = _count(lakehouse, table, due)
    unclocked = _count(lakehouse, table, f'({scope}) AND "{clock}" IS NULL')
    excepted = _count(lakehouse, table, over) - due_rows
    held = (
        Hold(rows - due_rows - unclocked - excepted, f"Kept for {contract.retention_days} days from {clock}."),
        Hold(excepted, contract.retention_hold.get("reason", "")),
        Hold(unclocked, f"{clock} is not stated, so nobody can say that they are due."),
    )
    oldest = _value(lakehouse, table, f"min({day})", f"({scope}) AND NOT coalesce({over}, false)")
    next_due = None if oldest is None else oldest + timedelta(days=contract.retention_days + 1)
    return TablePlan(
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


def _count(lakehouse: Lakehouse, table: str, condition: str) -> int:
    return int(_value(lakehouse, table, "count(*)", condition) or 0)


def _value(lakehouse: Lakehouse, table: str, measure: str, condition: str) -> Any:
    return lakehouse.select(table, f"{measure} AS found", condition)["found"][0].as_py()
