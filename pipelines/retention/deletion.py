"""Deletes the rows that are due, with earlier table versions and the keys of persons who have no row left."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np

from installation.contract.document import Contract, Contracts
from installation.lakehouse.lakehouse import Lakehouse
from installation.lakehouse.rows import quoted
from installation.quality.quarantine_content import QUARANTINE
from pipelines.errors import RetentionError
from pipelines.retention.plan import RetentionPlan, plan_retention
from privacy.protection.revealer import needed_columns
from privacy.protection.source_person import HASH_COLUMNS, Protection, row_names, source_persons

LARGEST_SHARE = 0.2
"""Largest share of a table that is deleted without a larger share being allowed. A daily deletion of a table that is
kept for a year takes a few thousandths of it; a wrong date or a wrong clock takes most of it."""


@dataclass(frozen=True)
class RetentionResult:
    """The result of the deletion in one table.

    `deleted` counts rows, `files_removed` data files of earlier versions, `keys_destroyed` the keys of persons who have
    no row left in the table.
    """

    plan: RetentionPlan
    deleted: int
    files_removed: int
    keys_destroyed: int


def refuse_large(plans: Iterable[RetentionPlan], allowed_share: float = LARGEST_SHARE) -> None:
    """Refuse plans by which more than the allowed share of a table is due. Quarantine counts as one table.

    Raises:
        RetentionError: names each such table with its due rows and its share.
    """
    due, rows = Counter[str](), Counter[str]()
    for plan in plans:
        due[plan.table] += plan.due_rows
        rows[plan.table] += plan.rows
    large = {table: due[table] / rows[table] for table in due if due[table] > allowed_share * rows[table]}
    if large:
        tables = ", ".join(f"{name} ({due[name]:,} of {rows[name]:,}, {share:.0%})" for name, share in large.items())
        raise RetentionError(
            f"Nothing was deleted: more than {allowed_share:.0%} of a table is due: {tables}. Check the reference date "
            "and the retention of the contract (`bojagi retention plan`). If all these rows are to go, run "
            f"`bojagi retention apply --allow-share {math.ceil(max(large.values()) * 100) / 100}`.",
            next(iter(large)),
        )


def apply_retention(
    lakehouse: Lakehouse,
    contracts: Contracts,
    protection: Protection,
    today: date,
    allowed_share: float = LARGEST_SHARE,
    agreed: Iterable[RetentionPlan] | None = None,
) -> tuple[RetentionResult, ...]:
    """Delete the rows that are due on the day `today`, and return the result for each table.

    A table from which rows were deleted loses its whole history, so that the rows cannot be restored. Of other tables
    with personal data, files of versions older than a week are removed. Tables that are derived from them are rebuilt
    by the next refresh. Call it while holding the run lock.

    Args:
        lakehouse: holds the tables.
        contracts: state the retention of each table.
        protection: destroys the keys of persons who have no row left.
        today: the reference date.
        allowed_share: largest share of a table that may be deleted.
        agreed: the plans that somebody has agreed to; None if nobody was asked.

    Raises:
        RetentionError: more than the allowed share of a table is due, other rows are due than in `agreed`, or rows that
            were due are still in a table. In the first two cases nothing was deleted.
    """
    plans = plan_retention(lakehouse, contracts, today)
    refuse_large(plans, allowed_share)
    if agreed is not None and (changed := [plan for plan in plans if plan.due_rows and plan not in set(agreed)]):
        raise RetentionError(
            f"Nothing was deleted: the rows that are due in {changed[0].covers} changed since they were shown. "
            "Run `bojagi retention apply` again.",
            changed[0].table,
        )
    results = tuple(_apply(plan, lakehouse, contracts[plan.contract_id], protection) for plan in plans)
    remaining = [plan for plan in plan_retention(lakehouse, contracts, today) if plan.due_rows]
    if remaining:
        tables = ", ".join(f"{plan.table} ({plan.due_rows})" for plan in remaining)
        raise RetentionError(
            f"Rows that are due were not deleted: {tables}. Run `bojagi retention apply` again.", remaining[0].table
        )
    return results


def _apply(plan: RetentionPlan, lakehouse: Lakehouse, contract: Contract, protection: Protection) -> RetentionResult:
    if plan.due is None:
        removed = lakehouse.vacuum(plan.table) if contract.is_personal else ()
        return RetentionResult(plan, 0, len(removed), 0)
    has_keys = bool(contract.encrypted_columns) and plan.table != QUARANTINE
    affected = _persons(lakehouse, contract, plan.due, protection) if has_keys else set()
    deleted = lakehouse.delete(plan.table, plan.due)
    removed = lakehouse.forget_history(plan.table)
    without_rows = affected - _persons(lakehouse, contract, "true", protection) if affected else set()
    destroyed = protection.cipher.destroy(sorted(without_rows)) if without_rows else 0
    return RetentionResult(plan, deleted, len(removed), destroyed)


def _persons(lakehouse: Lakehouse, contract: Contract, condition: str, protection: Protection) -> set[str]:
    """Return the source persons of the rows for which a SQL condition holds."""
    found = lakehouse.select(contract.table, quoted(needed_columns(contract)), condition)
    if not found.num_rows:
        return set()
    columns = {name: found[name].combine_chunks() for name in found.column_names}
    marks = row_names(*(columns[name].to_numpy().view(np.uint64) for name in HASH_COLUMNS))
    return set(source_persons(contract, columns, marks, protection.tokens).unique().to_pylist())
