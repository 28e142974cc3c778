"""Logs releases in the audit log: the user, the question, and the ledger entry that paid for the answer.

Each audit entry of a release holds the number and digest of its debit, and both logs are hash chains. So a forged
ledger (its file, its anchor and all digests) needs a forged audit log as well, whose anchor is sealed with a key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from privacy.audit import AuditEntry, AuditLog
from privacy.dp.errors import LedgerDamaged
from privacy.dp.ledger import Ledger
from privacy.dp.ledger_answer import Answered, Grant, LedgerEntry
from privacy.storage.hash_chain import ChainFault, ChainHead

ACTION, REPEAT, REPORT = "dp_release", "dp_repeat", "synthetic_report"


class Asked(Protocol):
    """What a release is logged by: a question for statistics, or the fit of a synthesizer."""

    @property
    def dataset(self) -> str:
        """The table that it is about."""
        ...

    @property
    def purpose(self) -> str:
        """The purpose whose budget is charged."""
        ...

    def columns(self) -> Set[str]:
        """Return the columns that it reads."""
        ...


@dataclass(frozen=True)
class Trail:
    """Logs releases and refusals. `who`: the user who asks. `clock`: returns the moment of an audit entry."""

    log: AuditLog
    who: str
    clock: Callable[[], datetime]
    role: str

    def require_paid(self, ledger: Ledger) -> None:
        """Check that the ledger contains the debit of the last logged release. A ledger that is ahead is normal.

        So an older copy of the ledger, or a new one, gives no budget back, even if its own anchor fits. Reads one entry
        of each log.

        Raises:
            LedgerDamaged: the ledger does not contain the debit.
        """
        paid = self.log.last_debit()
        if paid is not None and not ledger.contains(paid):
            raise LedgerDamaged(
                f"The ledger lacks entry {paid.number}, which paid for the last release in the audit log: an older "
                "copy or a new ledger was put in its place. Restore the newest copy of the ledger and its anchor; "
                "until then no question is answered. `bojagi audit verify` lists every release without a debit"
            )

    def note(self, question: Asked, grant: Grant, *, failed: bool = False) -> None:
        """Log a release that is paid for, or with `failed` a paid question that the engine could not answer.

        Call this before any noise is drawn.

        Raises:
            AuditError: it could not be logged, so nothing may be released. The debit stays.
        """
        outcome = "failed" if failed else "allowed"
        self._append(question, outcome, f"paid by entry {grant.debit.number} of the privacy ledger", debit=grant.debit)

    def note_repeat(self, question: Asked, stored: Answered) -> None:
        """Log that a stored answer was given again, which costs nothing.

        Raises:
            AuditError: it could not be logged, so the answer must not be given.
        """
        self._append(question, "allowed", f"stored answer of entry {stored.number} of the privacy ledger", REPEAT)

    def note_report(self, question: Asked) -> None:
        """Log that real rows are compared with synthetic ones, in a report without noise. Call this before reading.

        Raises:
            AuditError: it could not be logged, so the rows must not be read.
        """
        self._append(question, "allowed", "report on synthetic rows, without noise", REPORT)

    def note_refusal(self, question: Asked, reason: str) -> None:
        """Log a question that was refused.

        Raises:
            AuditError: it could not be logged.
        """
        self._append(question, "refused", reason[:500])

    def _append(
        self, question: Asked, outcome: str, reason: str, action: str = ACTION, debit: ChainHead | None = None
    ) -> None:
        self.log.append(
            AuditEntry(
                at=self.clock(), who=self.who, role=self.role, purpose=question.purpose, action=action,
                table=question.dataset, columns=tuple(sorted(question.columns())), outcome=outcome, reason=reason,
                debit=debit,
            )
        )  # fmt: skip


def verify_trail(log: AuditLog, entries: Iterable[LedgerEntry]) -> list[ChainFault]:
    """Return a fault for each logged release without a debit of its own in the ledger; an empty list if there is none.

    A debit without a release is no fault: a crash between the two leaves one.
    """
    releases = list(
        log.entries(lambda entry: entry.action == ACTION and (entry.outcome == "allowed" or entry.debit is not None))
    )
    unused = {entry.head for entry in entries if entry.content["kind"] == "spend"} if releases else set()
    faults = []
    for number, release in releases:
        if release.debit in unused:
            unused.remove(release.debit)
        else:
            message = f"audit entry {number}: the debit of this release is not in the privacy ledger"
            faults.append(ChainFault("ledger", number, message))
    return faults
