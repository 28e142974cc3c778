"""Gathers the answer to a request for access, portability or explanation from the stores of an installation.

Call it only for a request that is approved, so that the requester's identity is verified.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from installation.contract.plain_name import read_plain_names
from installation.installation import Installation
from installation.rights.consent_records import own_records
from privacy.audit import AuditEntry
from privacy.protection.revealer import SUBJECT_RIGHTS
from privacy.rights.answer.content import Answer, StoreNote
from privacy.rights.explanation import DecisionExplainer, ExplainedDecision
from privacy.rights.subject import Subject
from privacy.rights.subject_store import Holding, SubjectStore
from privacy.rights.wording import Wording


@dataclass(frozen=True)
class AnswerSources:
    """Where answers come from: the stores and the explainers of the installation; `who` is named in the audit log."""

    installation: Installation
    stores: Sequence[SubjectStore]
    explainers: Sequence[DecisionExplainer]
    who: str

    def answer(self, subject: Subject, request_id: str, jurisdiction: str) -> Answer:
        """Return all data about a person that is stored and may be disclosed. The disclosure is in the audit log.

        Raises:
            PrivacyError, OSError: a store cannot be read; the answer would be incomplete.
            AuditError: the disclosure cannot be logged, so nothing is disclosed.
        """
        exported = [(store, tuple(store.export(subject))) for store in self.stores]
        tables = tuple(table for _, found in exported for table in found)
        silent = [store for store, found in exported if not found]
        answer = Answer(
            request_id=request_id,
            made_at=self.installation.shop_time().replace(microsecond=0),
            controller=self.installation.settings.controller,
            jurisdiction=jurisdiction,
            tables=tables,
            permissions=self._permissions(subject),
            decisions=self.decisions(subject),
            notes=tuple(_note(store.name, held) for store in silent for held in store.find(subject)),
            outside=self._outside(subject),
            names=read_plain_names(self.installation.settings.contract_dirs),
        )
        self._log(answer)
        return answer

    def decisions(self, subject: Subject, name: str | None = None) -> tuple[ExplainedDecision, ...]:
        """Return the automated decisions about a person, or those of one name.

        A name that no explainer has, such as a slip of the pen, returns all: that there is none would be untrue.
        """
        wanted = name if any(name in one.names for one in self.explainers) else None
        chosen = (one for one in self.explainers if wanted is None or wanted in one.names)
        return tuple(decision for one in chosen for decision in one.explain(subject) if wanted in (None, decision.name))

    def _permissions(self, subject: Subject) -> dict[str, bool]:
        """Return for each purpose whether it is permitted for every customer id that the store knows."""
        service, at = self.installation.consent_service(), self.installation.decision_moment()
        known = [one for one in subject.customer_ids if self.installation.consent_store.knows(one)]
        verdicts = [service.verdicts(one, at) for one in known]
        return {purpose: all(v[purpose] for v in verdicts) for purpose in verdicts[0]} if verdicts else {}

    def _outside(self, subject: Subject) -> tuple[str, ...]:
        records = own_records(self.installation, subject)
        return tuple(sorted({name for record in records for name in record.recipients}))

    def _log(self, answer: Answer) -> None:
        entry = AuditEntry(
            at=self.installation.clock(), who=self.who, role="privacy_officer", purpose=SUBJECT_RIGHTS,
            action="disclose", table="rights/answer", columns=tuple(sorted({t.name for t in answer.tables if t.rows})),
            subjects=1, reason=f"request {answer.request_id}",
        )  # fmt: skip
        self.installation.audit_log.append(entry)


def _note(store: str, held: Holding) -> StoreNote:
    """Return what a store holds without rows to show."""
    text = Wording(
        f"{held.description.en}: {held.rows:,}. {held.source.en}. {held.retention.en}",
        f"{held.description.ko}: {held.rows:,}. {held.source.ko}. {held.retention.ko}",
    )
    return StoreNote(store, text)
