"""Reads requests and appends to their history. Shared by the service, legal holds and the execution."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from privacy.audit import AuditEntry, AuditLog
from privacy.rights.errors import RightsRefusedError, UnknownRequestError
from privacy.rights.history import fold
from privacy.rights.request import Actor, Event, EventKind, Request, Right, State, is_request_id
from privacy.rights.request_store import RequestStore

OFFICER = "privacy_officer"
PURPOSE = "data_subject_rights"
"""Purpose of the entries in the audit log."""


@dataclass(frozen=True)
class RequestLog:
    """The requests of one installation with their history. Use one object per thread.

    Attributes:
        store: the open store of requests.
        audit: every step is logged there before it takes place.
        clock: returns the time with its zone.
        time_zone: the shop's zone, in which days of deadlines count.
        ids_of: returns every customer id that the person of a customer id has or had; empty for an unknown customer.
    """

    store: RequestStore
    audit: AuditLog
    clock: Callable[[], datetime]
    time_zone: str
    ids_of: Callable[[str], Sequence[str]]

    def all(self, states: Iterable[State] | None = None, right: Right | None = None) -> list[Request]:
        """Return requests, open ones first, then by their last day; by default of all states and rights."""
        wanted = None if states is None else set(states)
        found = [fold(events) for key, events in self.store.histories().items() if is_request_id(key)]
        kept = [r for r in found if (wanted is None or r.state in wanted) and right in (None, r.right)]
        return sorted(kept, key=lambda request: (not request.state.is_open, request.due_on, request.id))

    def of_person(self, reference: str) -> list[Request]:
        """Return the requests about one person."""
        return [fold(events) for key, events in self.store.histories(reference).items() if is_request_id(key)]

    def of_customer(self, customer_id: str) -> list[Request]:
        """Return the requests about the person of a customer id, the newest first."""
        found = [request for reference in self.references(customer_id) for request in self.of_person(reference)]
        return sorted(found, key=lambda request: (request.received_at, request.id), reverse=True)

    def request(self, request_id: str, customer_id: str | None = None) -> Request:
        """Return one request.

        Args:
            request_id: its id.
            customer_id: the signed-in person, who sees only their own requests; None for an officer.

        Raises:
            UnknownRequestError: there is no such request, or it concerns another person.
        """
        events = self.store.events(request_id) if is_request_id(request_id) else []
        request = fold(events) if events else None
        if request is None or (customer_id is not None and request.subject not in self.references(customer_id)):
            named = request_id if is_request_id(request_id) else "of this id"
            raise UnknownRequestError(f"There is no request {named}; `bojagi rights list` lists them.")
        return request

    def references(self, customer_id: str) -> set[str]:
        """Return the references by which requests name the person of a customer id."""
        return self.store.references_of(self.ids(customer_id) or [customer_id])

    def ids(self, customer_id: str) -> list[str]:
        """Return every customer id of a person; empty for an unknown customer."""
        return list(dict.fromkeys(self.ids_of(customer_id)))

    @contextmanager
    def step(self, request_id: str, by: Actor, action: str, customer_id: str | None = None) -> Iterator[Request]:
        """Yield a request inside a transaction, after the step was logged; raises what `request` raises."""
        with self.store.change():
            request = self.request(request_id, customer_id)
            self.note(by, action, request.right)
            yield request

    def append(self, request: Request, kind: EventKind, by: Actor, details: dict[str, Any] | None = None) -> None:
        """Append an event to the history of a request; call it inside `step` or `store.change`."""
        event = Event(request=request.id, at=self.clock(), kind=kind, by=by, details=details or {})
        self.store.append(event, request.subject)

    def note(self, by: Actor, action: str, what: str) -> None:
        """Write an entry in the audit log."""
        entry = AuditEntry(
            at=self.clock(), who=by.who, role=by.role, purpose=PURPOSE, action=f"rights.{action}",
            table="rights/request", columns=(str(what),), subjects=1, identity=by.identity,
        )  # fmt: skip
        self.audit.append(entry)

    def day(self, moment: datetime) -> date:
        """Return the shop's day of a moment."""
        return moment.astimezone(ZoneInfo(self.time_zone)).date()


def require_officer(by: Actor) -> None:
    """Refuse a step that only a privacy officer may take.

    Raises:
        RightsRefusedError: the caller has another role.
    """
    if by.role != OFFICER:
        raise RightsRefusedError(f"The role {by.role} may not decide on requests; expected {OFFICER}.")
