"""Folds the append-only history of a request into the request as it stands."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, cast

from privacy.rights.errors import RequestStoreError
from privacy.rights.request import Actor, Event, EventKind, Failure, Proof, Refusal, Request, State

_STATE_AFTER = {
    EventKind.APPROVED: State.APPROVED,
    EventKind.REFUSED: State.REFUSED,
    EventKind.WITHDRAWN: State.WITHDRAWN,
    EventKind.STARTED: State.EXECUTING,
    EventKind.COMPLETED: State.COMPLETED,
}


def fold(events: Iterable[Event]) -> Request:
    """Return the request that its events leave, in their order.

    Raises:
        RequestStoreError: the first event is no submission.
    """
    request: Request | None = None
    for event in events:
        if request is None:
            if event.kind is not EventKind.SUBMITTED:
                raise RequestStoreError("A history does not begin with a submission. Restore request.db.")
            request = _submitted(event)
        else:
            request = request.model_copy(update=_changes(request, event))
    if request is None:
        raise RequestStoreError("A request without history. Restore request.db.")
    return request


def submission_event(request: Request, at: datetime, by: Actor) -> Event:
    """Return the event that submits a request; `fold` returns the request from it."""
    fields = ("subject", "right", "jurisdiction", "channel", "language", "requester", "form", "decision")
    details: dict[str, Any] = {name: getattr(request, name) for name in fields}
    details |= {"received_at": request.received_at.isoformat(), "due_on": request.due_on.isoformat()}
    details["purposes"] = list(request.purposes)
    return Event(request=request.id, at=at, kind=EventKind.SUBMITTED, by=by, details=details)


def _submitted(event: Event) -> Request:
    return Request.model_validate({"id": event.request, "state": State.SUBMITTED, **event.details})


def _changes(request: Request, event: Event) -> dict[str, Any]:
    details = cast("dict[str, Any]", event.details)
    changes: dict[str, Any] = {}
    if event.kind in _STATE_AFTER:
        changes["state"] = _STATE_AFTER[event.kind]
    match event.kind:
        case EventKind.DUPLICATE:
            changes["duplicates"] = request.duplicates + 1
        case EventKind.IDENTITY_VERIFIED:
            proof = Proof(method=details["method"], by=event.by.who, at=event.at, evidence=details.get("evidence"))
            changes["mandate" if details["of"] == "mandate" else "identity"] = proof
            known = request.model_copy(update=changes)
            if is_proven(known):
                changes["state"] = State.VERIFIED
        case EventKind.EXTENDED:
            changes |= {"due_on": date.fromisoformat(details["due_on"]), "extensions": request.extensions + 1}
        case EventKind.APPROVED:
            changes["decided_at"] = event.at
        case EventKind.REFUSED:
            refusal = Refusal(ground=details["ground"], article=details["article"])
            changes |= {"decided_at": event.at, "completed_at": event.at, "refusal": refusal, "failures": ()}
        case EventKind.WITHDRAWN:
            changes["completed_at"] = event.at
        case EventKind.FAILED:
            pairs = zip(details["stores"], details["reasons"], strict=True)
            changes["failures"] = tuple(Failure(store=store, reason=reason) for store, reason in pairs)
        case EventKind.ANSWERED:
            changes["is_answer_ready"] = not details.get("is_deleted", False)
        case EventKind.DOWNLOADED:
            changes["downloads"] = request.downloads + 1
        case EventKind.COMPLETED:
            changes |= {"completed_at": event.at, "failures": (), "certificate": details.get("certificate")}
        case _:
            pass
    return changes


def is_proven(request: Request) -> bool:
    """Return whether the requester's identity is verified, and the mandate of a guardian or an agent as well."""
    return request.identity is not None and (request.requester == "self" or request.mandate is not None)
