"""The consent record as a store of personal data: shown, restricted and erased with the person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from installation.contract.plain_name import read_plain_names
from installation.installation import Installation
from installation.rights.own_row import keys_of
from installation.rights.owned_file import files_of
from privacy.consent.record import ConsentRecord
from privacy.consent.rows import RECORD_SCHEMA
from privacy.consent.service import Statement
from privacy.consent.state import EVERY_PURPOSE
from privacy.rights.subject import Subject
from privacy.rights.subject_scan import verify_files
from privacy.rights.subject_store import (
    Correction,
    ExportedField,
    ExportedTable,
    Holding,
    Outcome,
    Verification,
)
from privacy.rights.wording import Wording

_PART = "consent/record"
_CONTRACT = "silver.consent_event"
_TITLE = Wording("Consent record as it stands now", "현재 동의 관리 기록")
_SOURCE = Wording("Your statements about consent, and those of our staff in your name", "동의에 관한 고객님의 의사표시")
_LEFT_OUT = frozenset({"recorded_by", "subject_id", "evidence_hash"})
"""Columns that are not shown: the user account of an officer, and codes without meaning for the person."""


@dataclass(frozen=True)
class ConsentRecords:
    """The consent store of an installation, see `SubjectStore`. `method` names how a restriction was expressed."""

    installation: Installation
    name: str = "consent"
    paths: tuple[str, ...] = ("consent/**",)
    method: str = "rights_request"

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return the number of records about the person."""
        for table in self.export(subject):
            first = table.fields[0]
            return [Holding(_PART, len(table.rows), _TITLE, first.purposes, first.source, first.retention)]
        return []

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield the person's records."""
        rows = tuple(_row(record) for record in own_records(self.installation, subject))
        if rows:
            yield ExportedTable(_PART, _TITLE, self._fields(), rows, is_provided=True)

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Do nothing: a statement is a fact, and a new one replaces it."""
        return Outcome.not_applicable("A statement about consent is not changed; the person makes a new one.")

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Record a restriction of all purposes, or its end. It counts at every read from now on."""
        service, store = self.installation.consent_service(), self.installation.consent_store
        law = self.installation.policy.laws[0].jurisdiction
        known = [one for one in subject.customer_ids if store.knows(one) or self.installation.lists_customer(one)]
        current = [one for one in known if one not in store.former_customers([one])]
        count = 0
        for customer in current:
            if self._is_restricted(customer) == is_restricted:
                continue
            if is_restricted:
                count += len(service.restrict(customer, EVERY_PURPOSE, Statement(self.method), law))
            else:
                count += len(service.lift(customer, EVERY_PURPOSE, "restriction", Statement(self.method), law))
        if not current:
            return Outcome.failed("Neither the consent record nor silver/identifier knows a customer id of the person.")
        return Outcome.done({"records_added": count})

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Delete the persons' records; the suppression list keeps them from being imported again."""
        count = self.installation.consent_store.erase(*self._owners(subjects))
        return Outcome.done({"records_deleted": count})

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Decode the file with its write-ahead log and look for the persons."""
        files = files_of(self.installation.settings, self.paths)
        return verify_files(subjects, files, self.installation.settings.data_dir)

    def _is_restricted(self, customer: str) -> bool:
        records = self.installation.consent_service().history(customer)
        newest = [r for r in records if r.purpose == EVERY_PURPOSE and r.state.stream == "restriction"]
        return bool(newest) and newest[-1].state == "restricted"

    def _owners(self, subjects: Sequence[Subject]) -> tuple[set[str], set[str]]:
        customers = {one for subject in subjects for one in subject.customer_ids}
        return customers | {token for subject in subjects for _, token in subject.tokens}, customers

    def _fields(self) -> tuple[ExportedField, ...]:
        names = read_plain_names(self.installation.settings.contract_dirs)
        contract = self.installation.contracts[_CONTRACT]
        shown = [column for column in contract.columns if column.name in set(_FIELDS)]
        kept = names.kept(contract)
        return tuple(
            ExportedField(
                c.name, names.column(contract, c.name), c.purposes, _SOURCE, kept, c.logical_type, True,
                " ".join(c.description.split()),
            )
            for c in shown
        )  # fmt: skip


_FIELDS = tuple(name for name in RECORD_SCHEMA.names if name not in _LEFT_OUT)


def _row(record: ConsentRecord) -> dict[str, object]:
    content = record.model_dump()
    joined = {name: ", ".join(value) if isinstance(value, tuple) else value for name, value in content.items()}
    return {name: str(joined[name]) if name == "state" else joined[name] for name in _FIELDS}


def own_records(installation: Installation, subject: Subject) -> list[ConsentRecord]:
    """Return the consent records of a person, without those of others who were once taken for the person."""
    store = installation.consent_store
    own = {token for _, token in keys_of(installation, subject.customer_ids)} | set(subject.customer_ids)
    own |= {token for _, token in subject.tokens}
    shared = {token for _, token in subject.shared_tokens}
    return store.records_of(sorted(own & set(store.subjects_of_all(subject.customer_ids)) - shared))
