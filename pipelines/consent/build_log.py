"""Writes into the audit log that a gold table was built: to build it, the data of everybody in it was read."""

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
"""Under which name the job stands in the log; which run it was stands beside it."""
ACTION = "build"
_REASON_LENGTH = 500


@dataclass
class BuildLog:
    """Accounts for the builds of one run. `opened` opens the log, which stays open until `close`: that saves time."""

    opened: Callable[[], AuditLog]
    run_id: str
    _log: AuditLog | None = None
    _view: ConsentView | None = None
    _built: dict[str, str] = field(default_factory=dict)

    def log_build(self, contract: Document, proof: Proof, lakehouse: Lakehouse, view: ConsentView) -> bool:
        """Log the build of what the table is now unless that was logged before; say whether it was logged now.

        The number of people is the proof's, which has counted them.

        Raises:
            AuditError: it could not be logged.
        """
        delta, name = lakehouse.delta(contract.table), f"audit/{contract.table}"
        built = f"{delta.metadata().id}:{lakehouse.fingerprint(contract.table) or delta.version()}"
        if built in (self._built.get(name), _noted(name, view)):
            return False
        if self._log is None:
            self._log = self.opened()
        told = f"run {self.run_id}, version {delta.version()}"
        entry = AuditEntry(
            at=utc_now(), who=WHO, role="pipeline", purpose=proof.purpose, action=ACTION, table=contract.table,
            columns=tuple(column.name for column in contract.columns), subjects=proof.customers,
            outcome="allowed" if proof.holds else "failed",
            reason=told if proof.holds else f"{told}: {proof.told}"[:_REASON_LENGTH],
        )  # fmt: skip
        self._log.append(entry)
        self._view, self._built[name] = view, built
        return True

    def close(self) -> None:
        """Note what was logged. A run that is killed before is logged twice, never not at all."""
        if self._view is not None:
            with closing(self._view.open()) as store:
                store.note_all_taken(self._built)


def _noted(name: str, view: ConsentView) -> str | None:
    with closing(view.open()) as store:
        return store.taken(name)
