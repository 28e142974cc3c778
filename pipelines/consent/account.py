"""Writes into the audit log that a gold table was built: to build it, the data of everybody in it was read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from pipelines.consent.proof import Proof
from pipelines.consent.view import ConsentView
from pipelines.lakehouse import Lakehouse
from privacy.audit import Access, AuditLog, now
from privacy.contract.document import Document

WHO = "bojagi run"
"""Under which name the job stands in the log; which run it was stands beside it."""
ACTION = "build"


def account_for_build(
    contract: Document,
    proof: Proof,
    lakehouse: Lakehouse,
    view: ConsentView,
    opened: Callable[[], AuditLog],
    run_id: str,
) -> bool:
    """Log the build of what the table is now unless that was logged before; say whether it was logged now.

    The number of people is the proof's, which has counted them. That the build was logged is noted after the entry: a
    run that is killed between the two is logged twice, never not at all; one killed before the proof, by the next.

    Raises:
        AuditError: it could not be logged.
    """
    delta, name = lakehouse.delta(contract.table), f"audit/{contract.table}"
    built = f"{delta.metadata().id}:{lakehouse.fingerprint(contract.table) or delta.version()}"
    with closing(view.open()) as store:
        if store.taken(name) == built:
            return False
        entry = Access(
            at=now(), who=WHO, role="pipeline", purpose=proof.purpose, action=ACTION, table=contract.table,
            columns=tuple(column.name for column in contract.columns), subjects=proof.customers,
            outcome="allowed" if proof.holds else "failed",
            reason=f"run {run_id}, version {delta.version()}" + ("" if proof.holds else f": {proof.told}")[:300],
        )  # fmt: skip
        with closing(opened()) as log:
            log.append(entry)
        store.note_taken(name, built)
    return True
