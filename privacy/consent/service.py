"""Records a customer's statements about purposes: consents, withdrawals, objections, restrictions.

Commands and HTTP routes only call `ConsentService`. Every rule about what is recorded is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from pydantic import ValidationError

from privacy.consent.errors import ConsentError, InvalidRecordError, describe_faults
from privacy.consent.index import DecisionIndex
from privacy.consent.policy import Policy
from privacy.consent.record import Asked, ConsentRecord, is_opaque_id, new_record_id
from privacy.consent.repeated_hour import settled
from privacy.consent.state import EVERY_PURPOSE, PERMITTING, State, StreamKind
from privacy.consent.store import ConsentStore
from privacy.consent.timeline import build_timeline

_CARRIED_OVER = (
    "notice_version", "notice_language", "jurisdiction", "data_categories", "recipients", "storage", "age_years",
)  # fmt: skip
"""Fields that a withdrawal copies from the consent that it withdraws."""
_WITHOUT_NOTICE = {"notice_version": "none", "notice_language": "ko"}
"""Fields of a statement that answers no notice, such as an objection."""
_LIFTED = {"objection": State.OBJECTION_LIFTED, "restriction": State.RESTRICTION_LIFTED}


@dataclass(frozen=True)
class Terms:
    """The terms of a consent, as stated in the notice. The fields are those of `ConsentRecord`."""

    notice_version: str
    notice_language: str = "ko"
    jurisdiction: str = "KR"
    data_categories: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    storage: str | None = None
    expires_at: datetime | None = None
    age_years: int | None = None
    asked: Asked | None = "separately"
    expressed_by: Literal["self", "guardian"] = "self"


@dataclass(frozen=True)
class Statement:
    """How and when a customer made a statement.

    Attributes:
        method: how it was expressed, such as call_center.
        effective_at: the shop's local wall time from which it counts; None takes the service's decision moment.
        evidence: the stored form or recording, of which only the SHA-256 is kept; None hashes the record.
    """

    method: str
    effective_at: datetime | None = None
    evidence: bytes | None = None


@dataclass(frozen=True)
class ConsentService:
    """Records statements of known customers in the consent store. A refused statement leaves no record.

    A customer may have several source persons (two registrations of one person). A statement makes one record for each
    of them, so that both keep it when the customer is split later.

    Attributes:
        store: the open consent store.
        policy: purposes and laws.
        controller: responsible for the processing; named in every record.
        time_now: returns the shop's local wall time, the time of recording.
        decision_moment: returns the moment at which consent is decided now, the default start of a statement.
        time_zone: the shop's zone, for the hour that its clock repeats.
        is_known_customer: returns whether the tables list a customer or source person with this identifier. It is asked
            only about opaque identifiers that the store does not know.
    """

    store: ConsentStore
    policy: Policy
    controller: str
    time_now: Callable[[], datetime]
    decision_moment: Callable[[], datetime]
    is_known_customer: Callable[[str], bool]
    time_zone: str = "Asia/Seoul"

    def grant(self, customer: str, purpose: str, terms: Terms, statement: Statement) -> list[ConsentRecord]:
        """Record a consent; its state is `renewed` where the record before it was a consent, otherwise `given`.

        A consent that counts from an earlier time than a withdrawal ends with that withdrawal.

        Raises:
            UnknownPurposeError: no such purpose.
            InvalidRecordError: a field has a value that no record may have.
            ConsentError: the customer is unknown, or the purpose rests on no consent.
        """
        self._check(customer, purpose)
        if self.policy.taxonomy.consent_of(purpose) is None:
            raise ConsentError(
                f"{purpose} rests on no consent, so a consent to it would change nothing; nothing was recorded. "
                "`bojagi consent show` names what each purpose rests on."
            )
        return self._stored(self.consents(self.store.members_of(customer), purpose, terms, statement))

    def consents(
        self, subjects: Iterable[str], purpose: str, terms: Terms, statement: Statement
    ) -> list[ConsentRecord]:
        """Return a consent for each source person; nothing is stored.

        Raises:
            InvalidRecordError: a field has a value that no record may have.
        """
        content = {field.name: getattr(terms, field.name) for field in fields(terms)}
        records = []
        for subject in subjects:
            # A consent that is recorded late must not replace a withdrawal that followed it.
            latest = self.latest(subject, purpose, self._effective_at(statement))
            state = State.RENEWED if latest is not None and latest.state in PERMITTING else State.GIVEN
            records.append(self._record(subject, purpose, state, statement, content, latest))
        return records

    def withdrawal(self, subject: str, purpose: str, statement: Statement) -> ConsentRecord:
        """Return a withdrawal of a source person, whether or not there is a consent; nothing is stored."""
        before = self.latest(subject, purpose)
        content = {**_WITHOUT_NOTICE, "jurisdiction": self.policy.laws[0].jurisdiction}
        if before is not None:
            content = {name: getattr(before, name) for name in _CARRIED_OVER}
        return self._record(subject, purpose, State.WITHDRAWN, statement, content, before)

    def refusal(self, subject: str, purpose: str, terms: Terms, statement: Statement) -> ConsentRecord:
        """Return a refusal of a source person who was asked for a consent with these terms; nothing is stored."""
        content = {field.name: getattr(terms, field.name) for field in fields(terms)}
        return self._record(subject, purpose, State.REFUSED, statement, content, self.latest(subject, purpose))

    def withdraw(self, customer: str, purpose: str, statement: Statement) -> list[ConsentRecord]:
        """Record the withdrawal of a consent to this purpose and to no other.

        A purpose that rests on the consent to another one (`advertising_message` on `marketing`) is withdrawn for every
        source person; the other purpose stays permitted. A purpose with its own consent is withdrawn for the source
        persons that have a record about it.

        Raises:
            UnknownPurposeError: no such purpose.
            ConsentError: the customer is unknown, or has no record about a purpose with its own consent.
        """
        self._check(customer, purpose)
        base = self.policy.taxonomy.consent_of(purpose)
        rests_on_another = base is not None and base != purpose
        records = []
        for subject in self.store.members_of(customer):
            own = self.latest(subject, purpose)
            source = own or (self.latest(subject, str(base)) if rests_on_another else None)
            if source is not None:
                content = {name: getattr(source, name) for name in _CARRIED_OVER}
            elif rests_on_another:
                content = {**_WITHOUT_NOTICE, "jurisdiction": self.policy.laws[0].jurisdiction}
            else:
                continue
            records.append(self._record(subject, purpose, State.WITHDRAWN, statement, content, own))
        if not records and base is None:
            raise ConsentError(
                f"Nothing to withdraw: {purpose} rests on no consent. Record an objection or a restriction instead, "
                "with `bojagi consent object`."
            )
        if not records:
            raise ConsentError(
                f"Nothing to withdraw: there is no record of a consent to {purpose}, so it is not permitted. "
                "`bojagi consent history` lists the customer's records."
            )
        return self._stored(records)

    def object(self, customer: str, purpose: str, statement: Statement, jurisdiction: str) -> list[ConsentRecord]:
        """Record an objection to a purpose, or to all (`*`). It overrides consent until it is lifted.

        Raises:
            UnknownPurposeError: no such purpose.
            InvalidRecordError: a field has a value that no record may have.
            ConsentError: the customer is unknown.
        """
        return self._override(customer, purpose, State.OBJECTED, statement, jurisdiction)

    def restrict(self, customer: str, purpose: str, statement: Statement, jurisdiction: str) -> list[ConsentRecord]:
        """Record a restriction of the processing for a purpose, or for all (`*`); raises what `object` raises."""
        return self._override(customer, purpose, State.RESTRICTED, statement, jurisdiction)

    def lift(
        self, customer: str, purpose: str, kind: Literal["objection", "restriction"], statement: Statement,
        jurisdiction: str,
    ) -> list[ConsentRecord]:  # fmt: skip
        """Record that an objection or a restriction ends; raises what `object` raises."""
        return self._override(customer, purpose, _LIFTED[kind], statement, jurisdiction)

    def take_in(self, records: Iterable[ConsentRecord]) -> list[ConsentRecord]:
        """Store records that were made elsewhere, and return the new ones. Records already stored are left out.

        The customers need not be known, because an import may come before the tables are built.

        Raises:
            UnknownPurposeError: a record names no purpose of the taxonomy; none is stored.
        """
        new = {record.record_id: record for record in records if not self.store.has(record.record_id)}
        return self._stored(list(new.values()))

    def latest(self, subject: str, purpose: str, by: datetime | None = None) -> ConsentRecord | None:
        """Return the consent record of a source person about a purpose that took effect last; None without any.

        Only records that took effect by the moment `by` count; None counts all.
        """
        stream: tuple[str, str, StreamKind] = (purpose, self.controller, "consent")
        records = [r for r in self.store.records_of([subject]) if (r.purpose, r.controller, r.state.stream) == stream]
        then = [record for record in records if by is None or record.effective_at <= by]
        return max(then, key=lambda record: (record.effective_at, record.recorded_at), default=None)

    def history(self, customer: str) -> list[ConsentRecord]:
        """Return all records of a customer's source persons, in the order of recording.

        Raises:
            InvalidRecordError: the text is no opaque identifier.
        """
        _require_opaque(customer)
        return self.store.records_of(self.store.subjects_of(customer))

    def verdicts(self, customer: str, at: datetime) -> dict[str, bool]:
        """Return for every purpose whether it is permitted for a customer at a local wall time.

        A customer without records permits only the purposes that do not rest on consent.

        Raises:
            InvalidRecordError: the text is no opaque identifier.
            ConsentError: the customer is unknown.
        """
        self._require_known(customer, "and no decision is shown")
        index = self.decisions_of(customer)
        return {purpose: index.is_permitted(customer, purpose, at) for purpose in self.policy.purposes}

    def decisions_of(self, customer: str) -> DecisionIndex:
        """Return the decisions about one customer, from this customer's records only, as they are now stored.

        Unlike `LiveDecisions` it reads no other records, so its time does not grow with the number of customers.
        """
        subjects = self.store.subjects_of(customer)
        records, membership = self.store.record_table(subjects), self.store.membership_table(subjects)
        return DecisionIndex(build_timeline(records, membership, self.policy, self.controller), self.policy)

    def _override(
        self, customer: str, purpose: str, state: State, statement: Statement, jurisdiction: str
    ) -> list[ConsentRecord]:
        self._check(customer, purpose)
        content = {**_WITHOUT_NOTICE, "jurisdiction": jurisdiction}
        subjects = self.store.members_of(customer)
        return self._stored([self._record(s, purpose, state, statement, content, None) for s in subjects])

    def _check(self, customer: str, purpose: str) -> None:
        if purpose != EVERY_PURPOSE:
            self.policy.taxonomy[purpose]
        self._require_known(customer, "and nothing was recorded")

    def _require_known(self, customer: str, then: str) -> None:
        _require_opaque(customer)
        if not self.store.knows(customer) and not self.is_known_customer(customer):
            raise ConsentError(
                f"Unknown customer: neither the consent record nor silver/identifier has this identifier, {then}. "
                "Check the identifier; a customer who has just landed is known after `bojagi run`."
            )

    def _record(
        self, subject: str, purpose: str, state: State, statement: Statement, content: Mapping[str, Any],
        before: ConsentRecord | None,
    ) -> ConsentRecord:  # fmt: skip
        recorded_at = self.time_now()
        evidence = statement.evidence
        if evidence is None:
            evidence = f"{subject}|{purpose}|{state}|{recorded_at.isoformat()}".encode()
        made = {
            **content,
            "record_id": new_record_id(),
            "subject_id": subject,
            "controller": self.controller,
            "purpose": purpose,
            "method": statement.method,
            "state": state,
            "effective_at": settled(self._effective_at(statement), state, self.time_zone),
            "recorded_at": recorded_at,
            "evidence_hash": sha256(evidence).hexdigest(),
            "supersedes": before.record_id if before else None,
        }
        try:
            return ConsentRecord.model_validate(made)
        except ValidationError as error:
            raise InvalidRecordError(f"{describe_faults(error)}. Nothing was recorded.") from None

    def _effective_at(self, statement: Statement) -> datetime:
        moment = statement.effective_at or self.decision_moment()
        if moment.tzinfo is not None:
            raise InvalidRecordError(
                "effective_at: got a time with an offset; expected the shop's local wall time. Nothing was recorded."
            )
        return moment

    def _stored(self, records: list[ConsentRecord]) -> list[ConsentRecord]:
        self.store.append(records)
        return records


def _require_opaque(customer: str) -> None:
    if not is_opaque_id(customer):
        raise InvalidRecordError(
            "subject_id: got a text that is no opaque identifier; expected a customer's or source person's "
            "identifier, such as c_5kq…"
        )
