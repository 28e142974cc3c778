"""Writes builds of gold tables into the audit log, because a build reads the data of all customers in the table."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from installation.lakehouse.lakehouse import Lakehouse
from pipelines.consent.proof import Proof
from privacy.audit import AuditEntry, AuditLog
from privacy.clock import utc_now
from privacy.consent.view import ConsentView
from privacy.contract.document import Document

WHO = "bojagi run"
"""Name of the job in the log; the reason of each entry names the run."""
ACTION = "build"
_REASON_LENGTH = 500


@dataclass
class BuildLog:
    """Logs the builds of one run in the audit log, each state of a table once.

    Attributes:
        opened: opens the audit log. It is called at the first build, and the log stays open until `close`.
        run_id: id of the run, written to each entry.
    """

    opened: Callable[[], AuditLog]
    run_id: str
    _log: AuditLog | None = None
    _view: ConsentView | None = None
    _built: dict[str, str] = field(default_factory=dict)

    def log_build(self, contract: Document, proof: Proof, lakehouse: Lakehouse, view: ConsentView) -> bool:
        """Log the build of the table's current state. Return False if this state was logged before; then log nothing.

        The number of customers is taken from the proof.

        Raises:
            AuditError: it could not be logged.
        """
        delta, name = lakehouse.delta(contract.table), f"audit/{contract.table}"
        built = f"{delta.metadata().id}:{lakehouse.fingerprint(contract.table) or delta.version()}"
        if built in (self._built.get(name), _logged(name, view)):
            return False
        if self._log is None:
            self._log = self.opened()
        build = f"run {self.run_id}, version {delta.version()}"
        entry = AuditEntry(
            at=utc_now(), who=WHO, role="pipeline", purpose=proof.purpose, action=ACTION, table=contract.table,
            columns=tuple(column.name for column in contract.columns), subjects=proof.customers,
            outcome="allowed" if proof.holds else "failed",
            reason=build if proof.holds else f"{build}: {proof.message}"[:_REASON_LENGTH],
        )  # fmt: skip
        self._log.append(entry)
        self._view, self._built[name] = view, built
        return True

    def close(self) -> None:
        """Mark the builds as logged in the consent store.

        Each build is logged at least once: after a run that is killed before this, the next run logs it again.
        """
        if self._view is not None:
            with closing(self._view.open()) as store:
                store.note_all_taken(self._built)


def _logged(name: str, view: ConsentView) -> str | None:
    """Return the state of the table that was logged last; None if no state was logged."""
    with closing(view.open()) as store:
        return store.taken(name)
