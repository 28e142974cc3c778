"""Makes an anonymous release from the rows of customers who permit its purpose, and verifies the written table."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd
import pyarrow as pa

from installation.contract.document import Contract
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.errors import ReleaseError
from pipelines.release.declaration import AnonymousRelease
from privacy.anonymity.registry import ReleaseRegistry
from privacy.anonymity.report.measurement import make_report
from privacy.anonymity.report.release_report import ReleaseReport
from privacy.anonymity.spec.release_context import Context
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.verify.verification import Verdict, verify
from privacy.consent.view import ConsentView


@dataclass(frozen=True)
class Published:
    """Counts and report of a written release."""

    customers: int
    """Customers in the source, whether they permit the purpose or not."""
    permitted: int
    """Customers who permit the purpose."""
    rows: int
    """Released customers. Fewer than `permitted` when new customers wait until they can form a class."""
    report: ReleaseReport


def publish(
    release: AnonymousRelease, contract: Contract, lakehouse: Lakehouse, view: ConsentView, registry: ReleaseRegistry
) -> Published:
    """Write the release's table, remove the files of every earlier version, and return the figures of the release.

    The rows are those of customers who permit the purpose at the view's moment.

    Guarantee: every equivalence class satisfies the models of the release; the independent verifier checks this.
    Customers released before stay in the same class with the same labels (`privacy.anonymity.registry`). So joining
    several versions, or the tables of several recipients, does not weaken the guarantee.

    Raises:
        ReleaseError: the contract does not allow the release, or no customer permits its purpose.
        AnonymityError: no release satisfies the models. Then nothing is written or registered.
        LakehouseError: the source table does not exist.
    """
    key = release.require(contract)
    customers, permitted = _permitted_rows(release, key, lakehouse, view)
    if permitted.empty:
        raise ReleaseError(
            f"{release.table}: none of {customers} customers permits {release.purpose}; nothing is released."
        )
    spec = release.spec.model_copy(update={"person": key})
    made = registry.release(release.table, permitted, spec, release.recipient)
    _write(release, made, lakehouse)
    waiting = len(permitted) - len(made)
    context = _context(release, len(registry.releases(release.table)))
    title = f"{release.table} for {release.recipient}"
    report = make_report(permitted, made, _may_wait(spec), waiting, title, context, is_registered=True)
    return Published(customers, len(permitted), len(made), report)


def prove_release(
    release: AnonymousRelease, contract: Contract, lakehouse: Lakehouse, view: ConsentView, registry: ReleaseRegistry
) -> Verdict:
    """Verify the written table against the rows of customers who permit its purpose now; return the faults.

    The verifier shares no code with the search. A customer in the table who no longer permits the purpose is a fault.

    Raises:
        ReleaseError: the contract does not allow the release.
        LakehouseError: the source or the published table does not exist.
    """
    key = release.require(contract)
    _, permitted = _permitted_rows(release, key, lakehouse, view)
    verdict = verify(read_release(release, lakehouse), permitted, _may_wait(release.spec))
    gone = registry.published(release.table) - {registry.token(customer) for customer in permitted[key]}
    if not gone:
        return verdict
    fault = f"{len(gone)} customers in it no longer permit {release.purpose}; run the job `release` again"
    return replace(verdict, faults=(*verdict.faults, fault))


def read_release(release: AnonymousRelease, lakehouse: Lakehouse) -> pd.DataFrame:
    """Return the published table."""
    return lakehouse.delta(release.table).to_pandas()


def _context(release: AnonymousRelease, version: int) -> Context:
    """Return the context of the report: the declared fields, and defaults of the pipeline for the other fields."""
    known = {
        "legal_basis": f"It holds only customers who permit {release.purpose} by the consent record",
        "records": f"Registry of releases: version {version} of {release.table}, for {release.recipient}",
        "additional_information": "Keyed hashes of the people and their classes are in the registry of releases, in "
        "the data folder; their key is apart from them, in the folder of secrets",
    }
    declared = release.spec.context.model_dump(exclude_none=True)
    return Context.model_validate({**known, **declared, "purpose": release.purpose, "recipient": release.recipient})


def _may_wait(spec: Spec) -> Spec:
    """Return the specification without a suppression limit, because new customers may wait for a later version."""
    return spec.model_copy(update={"suppression_limit": 1.0})


def _permitted_rows(
    release: AnonymousRelease, key: str, lakehouse: Lakehouse, view: ConsentView
) -> tuple[int, pd.DataFrame]:
    """Return the number of rows of the source, and the key and declared columns of customers who permit the purpose."""
    rows = lakehouse.rows(release.source, (key, *release.spec.columns)).to_pandas()
    may = [view.is_permitted(customer, release.purpose) for customer in rows[key]]
    return len(rows), rows.loc[may].reset_index(drop=True)


def _write(release: AnonymousRelease, table: pd.DataFrame, lakehouse: Lakehouse) -> None:
    """Write the table in one commit and remove earlier files. It is sorted by value, so the order reveals nothing."""
    ordered = table.sort_values(list(table.columns), kind="stable", key=lambda column: column.astype(str))
    rows = pa.Table.from_pandas(ordered, preserve_index=False)
    lakehouse.overwrite_rows(release.table, rows)
    lakehouse.vacuum(release.table, 0)
