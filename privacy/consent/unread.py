"""Lists the statements that could not be read, and resolves them. Each one denies a person's consents until then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal

from privacy.consent.controller_name import is_probably_same
from privacy.consent.errors import ConsentError
from privacy.consent.record import ConsentRecord
from privacy.consent.service import ConsentService, Statement, Terms
from privacy.consent.state import EVERY_PURPOSE, State

Outcome = Literal["withdrawn", "given", "nothing"]
FIRST_MOMENT = datetime(1900, 1, 1)
"""Time of effect of a statement whose own time cannot be trusted: before every event, so that it always denies."""


@dataclass(frozen=True)
class UnreadItem:
    """One statement that could not be read.

    Attributes:
        item: identifier, the argument of `bojagi consent resolve`.
        person: customer that the statement denies, or the source person if no customer is known; never a member number.
        purpose: purpose that is denied; `*` for all that rest on consent.
        since: local time at which it was found.
        days: age in full days.
        reason: why it could not be read.
    """

    item: str
    person: str
    purpose: str
    since: datetime
    days: int
    reason: str


@dataclass(frozen=True)
class OtherController:
    """The statements to a controller that is not ours. They decide nothing here."""

    controller: str
    statements: int
    persons: int
    since: datetime
    is_probably_ours: bool


def unread_items(service: ConsentService) -> list[UnreadItem]:
    """Return the unread statements, by person and then by age, the oldest first."""
    records, now = service.store.open_unread(), service.time_now()
    customers = service.store.customers_of({record.subject_id for record in records})
    items = [
        UnreadItem(
            record.record_id, customers.get(record.subject_id) or record.subject_id, record.purpose,
            record.recorded_at, max(0, (now - record.recorded_at).days), record.note or "",
        )
        for record in records
    ]  # fmt: skip
    first = {person: min(i.since for i in items if i.person == person) for person in {i.person for i in items}}
    return sorted(items, key=lambda item: (first[item.person], item.person, item.since, item.item))


def other_controllers(service: ConsentService) -> list[OtherController]:
    """Return the other controllers in the consent record, those that are probably ours first."""
    found = [
        OtherController(name, records, persons, since, is_probably_same(name, service.controller))
        for name, records, persons, since in service.store.other_controllers(service.controller)
    ]
    return sorted(found, key=lambda other: not other.is_probably_ours)


def resolve(
    service: ConsentService, item: str, outcome: Outcome, note: str, who: str, purpose: str | None = None,
    terms: Terms | None = None,
) -> list[ConsentRecord]:  # fmt: skip
    """Record how an unread statement was resolved, and what it meant; return the new records.

    A withdrawal counts for the item's purpose, or for every purpose with its own consent. A consent counts only for one
    purpose, with the terms of its notice.

    Args:
        service: records for the item's source person.
        item: identifier of the unread record.
        outcome: what the person had said: withdrawn, given, or nothing about consent.
        note: how it was found out, without personal data.
        who: the officer.
        purpose: the purpose, if the statement was about one only; None takes the item's.
        terms: the terms of a consent.

    Raises:
        ConsentError: there is no such open item, or a consent lacks its purpose or terms. Nothing was recorded.
    """
    found = next((record for record in service.store.open_unread() if record.record_id == item), None)
    if found is None:
        raise ConsentError(
            "There is no open unread statement with this identifier, and nothing was recorded; "
            "`bojagi consent unread` lists them."
        )
    about = purpose or found.purpose
    records = [resolution(found, "resolve", f"{outcome}: {note}"[:500], who, service.time_now())]
    at = None if found.effective_at <= FIRST_MOMENT else found.effective_at
    statement = Statement("resolve", at, f"{item}|{outcome}|{note}".encode())
    if outcome == "given":
        if about == EVERY_PURPOSE or terms is None:
            raise ConsentError(
                "A consent is for one purpose and one notice: give --purpose and --notice. Nothing was recorded."
            )
        records += service.consents([found.subject_id], about, terms, statement)
    if outcome == "withdrawn":
        taxonomy = service.policy.taxonomy
        own = [name for name in service.policy.purposes if taxonomy.consent_of(name) == name]
        for each in own if about == EVERY_PURPOSE else [about]:
            records.append(service.withdrawal(found.subject_id, each, statement))
    service.store.append(records)
    return records


def resolution(item: ConsentRecord, method: str, note: str, who: str, now: datetime) -> ConsentRecord:
    """Return the record that resolves an unread one and has no other effect."""
    made = {
        "record_id": f"{item.record_id}:resolved", "state": State.RESOLVED, "supersedes": item.record_id,
        "recorded_at": max(now, item.recorded_at), "method": method, "note": note, "recorded_by": who,
        "evidence_hash": sha256(f"{item.record_id}|{note}|{who}".encode()).hexdigest(),
    }  # fmt: skip
    return ConsentRecord.model_validate(item.model_dump() | made)


def persons(items: Sequence[UnreadItem]) -> int:
    """Return the number of persons whose consents the items deny."""
    return len({item.person for item in items})
