"""The effect that an approval has at once: consent records that every read, feature and agent follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from privacy.consent.service import ConsentService, Statement
from privacy.consent.state import BLOCKING, EVERY_PURPOSE
from privacy.rights.request import Request, Right

Stream = Literal["objection", "restriction"]
DIRECT_MARKETING = frozenset({"marketing", "advertising_message", "night_advertising", "audience_sharing"})
"""Purposes of direct marketing: nothing can be held against an objection (GDPR art. 21(2) and (3))."""
_STREAMS: dict[Right, Stream] = {
    Right.ERASURE: "restriction", Right.RESTRICTION: "restriction", Right.OBJECTION: "objection",
}  # fmt: skip
_STATEMENT = Statement(method="rights_request")


def stream_of(right: Right) -> Stream | None:
    """Return the stream of consent records by which a right takes effect; None for a right that stops no use."""
    return _STREAMS.get(right)


def purposes_of(request: Request) -> tuple[str, ...]:
    """Return the purposes that a request stops; `*` for all."""
    return request.purposes or (EVERY_PURPOSE,)


@dataclass(frozen=True)
class Effect:
    """Stops the use of a person's data when a request is approved, and allows it again when the request ends unmet."""

    consents: ConsentService

    def is_absolute(self, request: Request) -> bool:
        """Return whether the request needs no decision: an objection to direct marketing only."""
        return request.right is Right.OBJECTION and bool(request.purposes) and set(request.purposes) <= DIRECT_MARKETING

    def apply(self, request: Request, customer_id: str) -> list[str]:
        """Record the restriction or objection that an approved request stands for.

        Returns:
            The purposes that were stopped now; without those that were stopped before. Empty for a right that stops
            no use.

        Raises:
            ConsentError: the customer is unknown to the consent record and to the tables.
        """
        stream = stream_of(request.right)
        stopped = [p for p in purposes_of(request) if stream and not self._is_stopped(customer_id, p, stream)]
        for purpose in stopped:
            record = self.consents.restrict if stream == "restriction" else self.consents.object
            record(customer_id, purpose, _STATEMENT, request.jurisdiction)
        return stopped

    def undo(self, request: Request, customer_id: str, purposes: Iterable[str]) -> None:
        """Lift what `apply` recorded for these purposes; raises the same."""
        stream = stream_of(request.right)
        for purpose in purposes:
            if stream is not None:
                self.consents.lift(customer_id, purpose, stream, _STATEMENT, request.jurisdiction)

    def _is_stopped(self, customer_id: str, purpose: str, stream: Stream) -> bool:
        """Return whether the newest record of every source person of a customer stops the purpose already."""
        store, controller = self.consents.store, self.consents.controller
        members, now = store.members_of(customer_id), self.consents.decision_moment()
        newest: dict[str, bool] = {}
        for record in sorted(store.records_of(members), key=lambda r: (r.effective_at, r.recorded_at)):
            wanted = (record.purpose, record.controller, record.state.stream) == (purpose, controller, stream)
            if wanted and record.effective_at <= now:
                newest[record.subject_id] = record.state in BLOCKING
        return all(newest.get(member, False) for member in members)
