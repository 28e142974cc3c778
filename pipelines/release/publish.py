"""Makes a release from the rows of those who permit it, and proves the table that was written."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from pipelines.consent.view import ConsentView
from pipelines.contracts.document import Contract
from pipelines.errors import ReleaseError
from pipelines.lakehouse import Lakehouse
from pipelines.release.plan import Plan
from privacy.anonymity.anonymize import Anonymized, anonymize
from privacy.anonymity.verify import Verdict, verify


@dataclass(frozen=True)
class Published:
    """What was written. Counts only."""

    customers: int
    """In the source, permitted or not."""
    rows: int
    classes: int
    loss: float


def publish(plan: Plan, contract: Contract, lakehouse: Lakehouse, view: ConsentView) -> Published:
    """Write the release's table; every earlier version of it is forgotten with its history.

    Guarantee: every class of rows published alike satisfies the plan's models among those who permit its purpose at the
    view's moment (see `privacy.anonymity.anonymize`). Nothing is written that the verifier refuses.

    Raises:
        ReleaseError: the contract does not allow it, or nobody permits it.
        AnonymityError: no release satisfies the models.
        LakehouseError: there is no such table.
    """
    key = plan.require(contract)
    customers, permitted = permitted_rows(plan, key, lakehouse, view)
    if permitted.empty:
        raise ReleaseError(f"{plan.table}: none of {customers} customers permits {plan.purpose}; nothing is released.")
    made: Anonymized = anonymize(permitted, plan.spec)
    _write(plan, made.table, lakehouse)
    return Published(customers, len(made.table), made.classes, made.loss)


def prove_release(plan: Plan, contract: Contract, lakehouse: Lakehouse, view: ConsentView) -> Verdict:
    """Judge the written table against the rows of those who permit its purpose now.

    The verifier shares no code with the search. A customer who has withdrawn since makes the verdict fail: there are
    then more rows than people who permit them.

    Raises:
        ReleaseError: the contract does not allow the release.
        LakehouseError: there is no such table.
    """
    _, permitted = permitted_rows(plan, plan.require(contract), lakehouse, view)
    return verify(read_release(plan, lakehouse), permitted, plan.spec)


def read_release(plan: Plan, lakehouse: Lakehouse) -> pd.DataFrame:
    """The published table."""
    return lakehouse.delta(plan.table).to_pandas()


def permitted_rows(plan: Plan, key: str, lakehouse: Lakehouse, view: ConsentView) -> tuple[int, pd.DataFrame]:
    """Rows of the source, and the plan's columns for those who permit its purpose by the consent record."""
    from deltalake import QueryBuilder

    names = list(plan.spec.columns)
    builder = QueryBuilder().register("held", lakehouse.delta(plan.source))
    columns = ", ".join(f'"{name}"' for name in (key, *names))
    held = pa.table(builder.execute(f"SELECT {columns} FROM held").read_all()).to_pandas()
    may = [view.is_permitted(who, plan.purpose) for who in held[key]]
    return len(held), held.loc[may, names].reset_index(drop=True)


def _write(plan: Plan, table: pd.DataFrame, lakehouse: Lakehouse) -> None:
    """One commit, rows in an order that tells nothing about the source's; files of earlier versions are removed."""
    from deltalake import write_deltalake

    ordered = table.sort_values(list(table.columns), kind="stable", key=lambda column: column.astype(str))
    rows = pa.Table.from_pandas(ordered, preserve_index=False)
    path, options = lakehouse.path(plan.table), lakehouse.storage_options or None
    write_deltalake(path, rows, mode="overwrite", schema_mode="overwrite", storage_options=options)
    # An earlier version joined with this one could undo both.
    lakehouse.delta(plan.table).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
