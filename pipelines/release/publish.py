"""Makes a release from the rows of those who permit it, and proves the table that was written."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd
import pyarrow as pa

from installation.contract.document import Contract
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.errors import ReleaseError
from pipelines.release.declaration import Plan
from privacy.anonymity.context import Context
from privacy.anonymity.registry import ReleaseRegistry
from privacy.anonymity.release_report import make_report
from privacy.anonymity.report import Report
from privacy.anonymity.spec import Spec
from privacy.anonymity.verify import Verdict, verify
from privacy.consent.view import ConsentView


@dataclass(frozen=True)
class Published:
    """What was written. Counts only."""

    customers: int
    """In the source, permitted or not."""
    permitted: int
    rows: int
    """Fewer than are permitted when people who are new wait until they can form a class."""
    report: Report


def publish(
    plan: Plan, contract: Contract, lakehouse: Lakehouse, view: ConsentView, registry: ReleaseRegistry
) -> Published:
    """Write the release's table; the files of every earlier version are removed.

    Guarantee: every class of rows published alike satisfies the plan's models among those who permit its purpose at the
    view's moment, as the independent verifier finds, and whoever was released before stays with the same people under
    the same labels (`privacy.anonymity.registry`), so that versions and recipients cannot be joined to undo either.

    Raises:
        ReleaseError: the contract does not allow it, or nobody permits it.
        AnonymityError: no release satisfies the models. Nothing is written, nor registered.
        LakehouseError: there is no such table.
    """
    key = plan.require(contract)
    customers, permitted = _permitted_rows(plan, key, lakehouse, view)
    if permitted.empty:
        raise ReleaseError(f"{plan.table}: none of {customers} customers permits {plan.purpose}; nothing is released.")
    spec = plan.spec.model_copy(update={"person": key})
    made = registry.release(plan.table, permitted, spec, plan.recipient)
    _write(plan, made, lakehouse)
    waiting = len(permitted) - len(made)
    told = _context(plan, len(registry.releases(plan.table)))
    report = make_report(permitted, made, _may_wait(spec), waiting, f"{plan.table} for {plan.recipient}", told)
    return Published(customers, len(permitted), len(made), report)


def prove_release(
    plan: Plan, contract: Contract, lakehouse: Lakehouse, view: ConsentView, registry: ReleaseRegistry
) -> Verdict:
    """Judge the written table against the rows of those who permit its purpose now.

    The verifier shares no code with the search. Whoever is in the table and permits it no longer is a fault.

    Raises:
        ReleaseError: the contract does not allow the release.
        LakehouseError: there is no such table.
    """
    key = plan.require(contract)
    _, permitted = _permitted_rows(plan, key, lakehouse, view)
    verdict = verify(read_release(plan, lakehouse), permitted, _may_wait(plan.spec))
    gone = registry.published(plan.table) - {registry.token(who) for who in permitted[key]}
    if not gone:
        return verdict
    fault = f"{len(gone)} people are in it who do not permit {plan.purpose}; run the job `release` again"
    return replace(verdict, faults=(*verdict.faults, fault))


def read_release(plan: Plan, lakehouse: Lakehouse) -> pd.DataFrame:
    """The published table."""
    return lakehouse.delta(plan.table).to_pandas()


def _context(plan: Plan, version: int) -> Context:
    """What the plan answers, and what this pipeline knows by itself where the plan says nothing."""
    known = {
        "legal_basis": f"Only those are in it who permit {plan.purpose} by the consent record",
        "records": f"Registry of releases: version {version} of {plan.table}, for {plan.recipient}",
        "additional_information": "Keyed hashes of the people and their classes are in the registry of releases, in "
        "the data folder; their key is apart from them, in the folder of secrets",
    }
    said = plan.spec.context.model_dump(exclude_none=True)
    return Context.model_validate({**known, **said, "purpose": plan.purpose, "recipient": plan.recipient})


def _may_wait(spec: Spec) -> Spec:
    """The specification without its limit on how many are left out: people who are new may wait."""
    return spec.model_copy(update={"suppression_limit": 1.0})


def _permitted_rows(plan: Plan, key: str, lakehouse: Lakehouse, view: ConsentView) -> tuple[int, pd.DataFrame]:
    """Number of rows of the source; key and columns of the plan for those who permit its purpose."""
    held = lakehouse.rows(plan.source, (key, *plan.spec.columns)).to_pandas()
    may = [view.is_permitted(who, plan.purpose) for who in held[key]]
    return len(held), held.loc[may].reset_index(drop=True)


def _write(plan: Plan, table: pd.DataFrame, lakehouse: Lakehouse) -> None:
    """One commit, rows in an order that tells nothing about the source's; files of earlier versions are removed."""
    ordered = table.sort_values(list(table.columns), kind="stable", key=lambda column: column.astype(str))
    rows = pa.Table.from_pandas(ordered, preserve_index=False)
    lakehouse.overwrite_rows(plan.table, rows)
    lakehouse.vacuum(plan.table, 0)
