"""Legal holds: while one is in force about a person, nothing about the person is erased.

A hold is two kinds of entries in the history of requests: it is placed, and later released. It names its ground, such
as a court case, and no personal data.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, cast

from pydantic import AwareDatetime, Field, ValidationError

from privacy.rights.errors import InvalidSubmissionError, RequestStateError, RightsRefusedError, UnknownRequestError
from privacy.rights.request import Actor, Event, EventKind, Frozen, Request
from privacy.rights.request_log import RequestLog, require_officer

Ground = Annotated[str, Field(min_length=3, max_length=100)]


class LegalHold(Frozen):
    """One hold: whom it concerns (a reference), its ground, and when and by whom it was placed and released."""

    id: str
    subject: str
    ground: Ground
    placed_at: AwareDatetime
    placed_by: Actor
    released_at: AwareDatetime | None = None


@dataclass(frozen=True)
class LegalHolds:
    """Places, releases and lists legal holds."""

    log: RequestLog

    def place(self, customer_id: str, ground: str, by: Actor) -> LegalHold:
        """Forbid the erasure of a person's data until the hold is released.

        Raises:
            InvalidSubmissionError: the customer is unknown, or the ground does not have 3 to 100 characters.
            RightsRefusedError: the caller is no privacy officer.
        """
        require_officer(by)
        ids = self.log.ids(customer_id)
        if not ids:
            raise InvalidSubmissionError("customer_id: no table and no consent record has this customer.")
        with self.log.store.change():
            subject = self.log.store.reference_for(ids)
            try:
                hold = LegalHold(
                    id=_new_hold_id(), subject=subject, ground=ground, placed_at=self.log.clock(), placed_by=by
                )
            except ValidationError as error:
                raise InvalidSubmissionError("ground: expected 3 to 100 characters without personal data.") from error
            self.log.note(by, "place_hold", "hold")
            details: Any = {"subject": subject, "ground": ground}
            event = Event(request=hold.id, at=hold.placed_at, kind=EventKind.HOLD_PLACED, by=by, details=details)
            self.log.store.append(event, subject)
        return hold

    def release(self, hold_id: str, by: Actor) -> LegalHold:
        """End a legal hold.

        Raises:
            UnknownRequestError: there is no such hold.
            RequestStateError: it was released already.
            RightsRefusedError: the caller is no privacy officer.
        """
        require_officer(by)
        with self.log.store.change():
            events = self.log.store.events(hold_id) if is_hold_id(hold_id) else []
            if not events:
                raise UnknownRequestError("There is no such hold; `bojagi rights holds` lists them.")
            hold = fold_hold(events)
            if hold.released_at is not None:
                raise RequestStateError(f"Hold {hold.id} was released on {hold.released_at:%Y-%m-%d} already.")
            self.log.note(by, "release_hold", "hold")
            event = Event(request=hold.id, at=self.log.clock(), kind=EventKind.HOLD_RELEASED, by=by)
            self.log.store.append(event, hold.subject)
        return fold_hold(self.log.store.events(hold_id))

    def all(self, *, with_released: bool = False) -> list[LegalHold]:
        """Return the holds in force, or all of them."""
        return [hold for hold in self._folded() if with_released or hold.released_at is None]

    def on(self, request: Request, customer_ids: Iterable[str] = ()) -> list[LegalHold]:
        """Return the holds in force about the person of a request, who has these customer ids."""
        references = {request.subject, *self.log.store.references_of(customer_ids)}
        found = [hold for reference in sorted(references) for hold in self._folded(reference)]
        return [hold for hold in found if hold.released_at is None]

    def _folded(self, subject: str | None = None) -> list[LegalHold]:
        histories = self.log.store.histories(subject)
        return [fold_hold(events) for key, events in histories.items() if is_hold_id(key)]

    def require_none(self, request: Request, customer_ids: Iterable[str]) -> None:
        """Refuse the erasure of a person about whom a hold is in force.

        Raises:
            RightsRefusedError: names the holds.
        """
        if holds := self.on(request, customer_ids):
            named = ", ".join(f"{hold.id} ({hold.ground})" for hold in holds)
            raise RightsRefusedError(
                f"Request {request.id} cannot be carried out: a legal hold is in force, {named}. Refuse the request on "
                "a legal ground, extend it, or release the hold with `bojagi rights release`."
            )


def is_hold_id(text: str) -> bool:
    """Return whether a text has the form of a hold's id."""
    return re.fullmatch(r"h_[0-9a-f]{16}", text) is not None


def _new_hold_id() -> str:
    """Return an id that no two holds share."""
    return f"h_{secrets.token_hex(8)}"


def fold_hold(events: Iterable[Event]) -> LegalHold:
    """Return the hold that its events leave."""
    first, *others = events
    details = cast("dict[str, Any]", first.details)
    ended = next((event.at for event in others if event.kind is EventKind.HOLD_RELEASED), None)
    return LegalHold(
        id=first.request, subject=details["subject"], ground=details["ground"], placed_at=first.at,
        placed_by=first.by, released_at=ended,
    )  # fmt: skip
