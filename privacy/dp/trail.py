"""Releases in the audit log: who was given what, and by which entry of the ledger it was paid.

Each entry names the ledger's head after its debit, and both logs are hash chains. So whoever writes the ledger anew
(its file, its anchor and all digests) has to write the audit log anew as well, whose anchor is sealed under a key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from privacy.audit import Access, AuditLog, Finding
from privacy.dp.anchor import Head
from privacy.dp.ledger import Answered, Entry, Grant
from privacy.dp.question import Question

ACTION, REPEAT = "dp_release", "dp_repeat"
_TOLD = re.compile(r"paid by entry (\d+) of the privacy ledger, (?P<digest>[0-9a-f]{64})")


@dataclass(frozen=True)
class Trail:
    """Writes releases down. `who` asks, `clock` stamps the log."""

    log: AuditLog
    who: str
    clock: Callable[[], datetime]
    role: str = "analyst"

    def note(self, question: Question, grant: Grant) -> None:
        """Log a release that is paid for, before any noise is drawn.

        Raises:
            AuditError: it could not be logged; then nothing may be released. The debit stays.
        """
        told = f"paid by entry {grant.head.seq} of the privacy ledger, {grant.head.digest}"
        self._append(question, "allowed", told)

    def note_repeat(self, question: Question, stored: Answered) -> None:
        """Log that somebody was given a stored answer, which costs nothing.

        Raises:
            AuditError: it could not be logged; then it must not be handed out.
        """
        self._append(question, "allowed", f"the answer of entry {stored.seq} of the privacy ledger, again", REPEAT)

    def note_refusal(self, question: Question, reason: str) -> None:
        """Log a question that was refused.

        Raises:
            AuditError: it could not be logged.
        """
        self._append(question, "refused", reason[:500])

    def _append(self, question: Question, outcome: str, reason: str, action: str = ACTION) -> None:
        self.log.append(
            Access(
                at=self.clock(), who=self.who, role=self.role, purpose=question.purpose, action=action,
                table=question.dataset, columns=tuple(sorted(question.columns())), outcome=outcome, reason=reason,
            )
        )  # fmt: skip


def verify_trail(log: AuditLog, entries: Iterable[Entry]) -> list[Finding]:
    """Releases in the audit log whose debit is not in the ledger as it was; empty when all are.

    The other way round, a debit without a release is what a crash between the two leaves, and no finding.
    """
    noted = {}
    for number, access in log.entries(lambda entry: entry.action == ACTION and entry.outcome == "allowed"):
        match = _TOLD.fullmatch(access.reason or "")
        noted[number] = Head(int(match[1]), match["digest"]) if match else None
    spends = {entry.head for entry in entries if entry.body["kind"] == "spend"} if noted else set()
    return [
        Finding("ledger", number, f"the debit of the release at {number} is not in the privacy ledger as it was logged")
        for number, head in noted.items()
        if head not in spends
    ]
