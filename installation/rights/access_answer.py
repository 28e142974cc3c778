"""Gathers the answer to a request for access, portability or explanation from the stores of an installation.

Call it only for a request that is approved, so that the requester's identity is verified.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from installation.contract.plain_name import read_plain_names
from installation.installation import Installation
from privacy.audit import AuditEntry
from privacy.protection.revealer import SUBJECT_RIGHTS
from privacy.rights.answer.content import Answer, StoreNote
from privacy.rights.explanation import DecisionExplainer, ExplainedDecision
from privacy.rights.subject import Subject
from privacy.rights.subject_store import ExportedTable, SubjectStore
from privacy.rights.wording import Wording


@dataclass(frozen=True)
class AnswerSources:
    """Where answers come from: the stores and the explainers of the installation; `who` is named in the audit log."""

    installation: Installation
    stores: Sequence[SubjectStore]
    explainers: Sequence[DecisionExplainer]
    who: str

    def answer(self, subject: Subject, request_id: str, jurisdiction: str) -> Answer:
        """Return everything that is held about a person and may be disclosed. The disclosure is in the audit log.

        Raises:
            PrivacyError, OSError: a store cannot be read; the answer would be incomplete.
            AuditError: the disclosure cannot be logged, so nothing is disclosed.
        """
        tables = tuple(table for store in self.stores for table in store.export(subject))
        answer = Answer(
            request_id=request_id,
            made_at=self.installation.shop_time().replace(microsecond=0),
            controller=self.installation.settings.controller,
            jurisdiction=jurisdiction,
            tables=tables,
            permissions=self._permissions(subject),
            decisions=self.decisions(subject),
            notes=tuple(self._notes(subject, tables)),
            outside=self._outside(subject),
            names=read_plain_names(self.installation.settings.contract_dirs),
        )
        self._log(answer)
        return answer

    def decisions(self, subject: Subject, name: str | None = None) -> tuple[ExplainedDecision, ...]:
        """Return the automated decisions about a person; only those of one name if `name` is given."""
        chosen = (one for one in self.explainers if name is None or name in one.names)
        return tuple(decision for one in chosen for decision in one.explain(subject) if name in (None, decision.name))

    def _permissions(self, subject: Subject) -> dict[str, bool]:
        """Return for each purpose whether it is permitted for every customer id that the store knows."""
        service, at = self.installation.consent_service(), self.installation.decision_moment()
        known = [one for one in subject.customer_ids if self.installation.consent_store.knows(one)]
        verdicts = [service.verdicts(one, at) for one in known]
        return {purpose: all(v[purpose] for v in verdicts) for purpose in verdicts[0]} if verdicts else {}

    def _outside(self, subject: Subject) -> tuple[str, ...]:
        store = self.installation.consent_store
        records = store.records_of(store.subjects_of_all(subject.customer_ids))
        return tuple(sorted({name for record in records for name in record.recipients}))

    def _notes(self, subject: Subject, tables: Iterable[ExportedTable]) -> Iterator[StoreNote]:
        shown = {table.name for table in tables}
        for store in self.stores:
            for held in store.find(subject):
                if held.part not in shown and held.rows:
                    text = Wording(
                        f"{held.description.en}: {held.rows:,}. {held.source.en}. {held.retention.en}",
                        f"{held.description.ko}: {held.rows:,}. {held.source.ko}. {held.retention.ko}",
                    )
                    yield StoreNote(store.name, text)

    def _log(self, answer: Answer) -> None:
        entry = AuditEntry(
            at=self.installation.clock(), who=self.who, role="privacy_officer", purpose=SUBJECT_RIGHTS,
            action="disclose", table="rights/answer", columns=tuple(sorted({t.name for t in answer.tables if t.rows})),
            subjects=1, reason=f"request {answer.request_id}",
        )  # fmt: skip
        self.installation.audit_log.append(entry)
