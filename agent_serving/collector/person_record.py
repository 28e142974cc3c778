"""The consents of identified persons, as the policy of a source asks for them and adds to them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from installation.contract.document import Contract
from installation.installation import Installation
from privacy.consent.errors import RuleError
from privacy.consent.index import DecisionIndex, Denial
from privacy.consent.live_decision import LiveDecisions
from privacy.consent.record import ConsentRecord
from privacy.consent.repeated_hour import settled
from privacy.consent.rows import as_table
from privacy.consent.service import ConsentService, Statement, Terms
from privacy.consent.signal.collection_rules import CollectionRules
from privacy.consent.signal.decision import UNANSWERED, Verdict, is_recorded
from privacy.consent.signal.reading import Answer
from privacy.consent.state import EVERY_PURPOSE, State
from privacy.consent.timeline import build_timeline
from privacy.contract.vocabulary import load_vocabulary

_NO_DECISION = UNANSWERED | {State.OBJECTION_LIFTED, State.RESTRICTION_LIFTED, State.RESOLVED}


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """A device's new answer about a purpose, in an event of a person.

    Attributes:
        purpose: of the taxonomy.
        answer: given or refused.
        at: UTC time of the event.
        is_statement: whether the person makes the statement in this event, see `privacy.consent.signal.decision`.
        method: how it was expressed.
        evidence: the signals as they came.
    """

    purpose: str
    answer: Answer
    at: datetime
    is_statement: bool
    method: str
    evidence: bytes | None


class PersonRecords:
    """Reads and records the consents of persons, who are named by the token of their member number.

    It has a connection of its own to the consent store. One thread at a time may use an object.
    """

    def __init__(self, installation: Installation, contract: Contract, rules: CollectionRules) -> None:
        """Open the consent store and read all decisions."""
        self._rules, self._zone = rules, installation.settings.time_zone
        self._store = installation.open_consent_store()
        service = installation.consent_service()
        self._service = replace(service, store=self._store)
        self._verdicts: dict[str, Verdict] = {}
        self._pending: list[ConsentRecord] = []
        self._live = LiveDecisions(self._store, service.policy, service.controller)
        self._terms = {
            purpose: replace(rules.terms, data_categories=_categories(contract, purpose))
            for purpose in rules.mapped_purposes()
        }
        self.base = service.policy.taxonomy.consent_of(rules.purpose)
        """The purpose whose consent the source needs; None when its purpose rests on no consent."""
        self._concerned = {rules.purpose, self.base, EVERY_PURPOSE}
        require_countable(self._service, self.base, self._terms)

    def close(self) -> None:
        """Close the connection."""
        self._store.close()

    def refresh(self) -> None:
        """Read what was recorded elsewhere since the last look.

        Raises:
            ConsentStoreReplaced: another store is in its place; open a new object.
        """
        self._verdicts.clear()
        self._pending.clear()
        self._live.refresh()

    def verdict(self, person: str) -> Verdict:
        """Return whether the purpose of the source is permitted for a person, as it was known at the last `refresh`."""
        self.store()
        if person not in self._verdicts:
            self.decide((person,))
        return self._verdicts[person]

    def decide(self, persons: Collection[str]) -> None:
        """Find the verdicts of persons together, which is much faster than one by one."""
        owners = self._store.customers_of(persons)
        customer_of = {person: owners.get(person) or person for person in persons}
        customers = sorted(set(customer_of.values()))
        moment = self._service.decision_moment()
        denials = dict(zip(customers, self._live.denials(customers, self._rules.purpose, moment), strict=True))
        without = [one for one in customers if denials[one] is Denial.NO_CONSENT and self._live.knows(one)]
        refused = self._have_decided(without)
        for person, customer in customer_of.items():
            denial = denials[customer]
            if denial is None:
                self._verdicts[person] = Verdict.PERMITTED
            else:
                is_open = denial is Denial.NO_CONSENT and customer not in refused
                self._verdicts[person] = Verdict.UNDECIDED if is_open else Verdict.DENIED

    def _have_decided(self, customers: Collection[str]) -> set[str]:
        """Return those of the customers who have a decision about the purpose on record."""
        members = self._store.members_of_all(customers)
        records = self._store.records_of({subject for subjects in members.values() for subject in subjects})
        deciding = {
            record.subject_id for record in records
            if record.controller == self._service.controller and record.purpose in self._concerned
            and record.state not in _NO_DECISION
        }  # fmt: skip
        return {customer for customer, subjects in members.items() if not deciding.isdisjoint(subjects)}

    def is_due(self, person: str, said: NewAnswer) -> bool:
        """Return whether a device's new answer is to be recorded for a person."""
        return bool(self._due(person, said))

    def record(self, person: str, said: NewAnswer) -> None:
        """Make the record of an answer for each source person of a person for whom it is due; see `store`."""
        terms, made, now = self._terms[said.purpose], list[ConsentRecord](), self._service.decision_moment()
        for subject, latest in self._due(person, said):
            # In historic data, consent is decided for a past moment; a later statement would never count there.
            effective_at = min(self._wall_time(said.at), now)
            if said.answer is Answer.REFUSED and latest is not None:
                effective_at = max(effective_at, latest.effective_at)
            statement = Statement(said.method, effective_at, said.evidence)
            if said.answer is Answer.GIVEN:
                made += self._service.consents([subject], said.purpose, terms, statement)
            elif latest is None or latest.state in UNANSWERED:
                made.append(self._service.refusal(subject, said.purpose, terms, statement))
            else:
                made.append(self._service.withdrawal(subject, said.purpose, statement))
        self._pending += made

    def store(self) -> None:
        """Store the records that were made, at once for a whole request. They count from now on."""
        made, self._pending = self._pending, []
        if made:
            self._live.append(made)
            self._verdicts.clear()

    def _due(self, person: str, said: NewAnswer) -> list[tuple[str, ConsentRecord | None]]:
        """Return the source persons for whom an answer is to be recorded, each with the last record."""
        if said.answer is Answer.GIVEN and self._rules.user_ids == "claimed":
            return []
        said_at = self._wall_time(said.at) if said.is_statement else None
        members = self._store.members_of(self._customer(person))
        if any(record.purpose == said.purpose and record.subject_id in members for record in self._pending):
            self.store()
        latest = [(subject, self._service.latest(subject, said.purpose)) for subject in members]
        return [(subject, record) for subject, record in latest if is_recorded(said.answer, record, said_at)]

    def _customer(self, person: str) -> str:
        return self._store.customers_of([person]).get(person) or person

    def _wall_time(self, at: datetime) -> datetime:
        local = at.astimezone(ZoneInfo(self._zone)).replace(tzinfo=None)
        return settled(local, State.GIVEN, self._zone)


def require_countable(service: ConsentService, purpose: str | None, terms: dict[str, Terms]) -> None:
    """Check that the law lets a consent with these terms count.

    Raises:
        RuleError: it does not, so that every event would be dropped.
    """
    if purpose is None:
        return
    at = service.decision_moment()
    if not counts(service, purpose, terms[purpose], at):
        raise RuleError(
            f"collection: a consent to {purpose} with this notice never counts by the law of "
            f"{terms[purpose].jurisdiction}, so no event could be stored. Korean law, for instance, needs asked: "
            "separately, and a leastAge of 14 or more; see docs/consent.md."
        )


def counts(service: ConsentService, purpose: str, terms: Terms, at: datetime) -> bool:
    """Return whether a consent with these terms permits the purpose just after it is given, by the policy's laws."""
    records = service.consents(["s_probe"], purpose, terms, Statement("probe", effective_at=at))
    timeline = build_timeline(as_table(records), None, service.policy, service.controller)
    return DecisionIndex(timeline, service.policy).is_permitted("s_probe", purpose, at)


def _categories(contract: Contract, purpose: str) -> tuple[str, ...]:
    """Return the data categories that a consent at collection covers. Special ones need a consent asked for apart."""
    is_special = load_vocabulary().is_special
    found = {column.category for column in contract.columns if purpose in column.purposes}
    return tuple(sorted(category for category in found if not is_special(category)))
