"""The states of consent, objection and restriction, with their terms in the W3C Data Privacy Vocabulary (DPV).

ISO/IEC TS 27560 leaves the states to the implementer; DPV lists them as `dpv:ConsentStatus`. Only *given* and
*renewed* permit. Objection (GDPR art. 21, PIPA art. 37) and restriction (GDPR art. 18, PIPA art. 37) are not states
of a consent: they have streams of records of their own, which override consent until the person lifts them.

A statement that names a person but cannot be read completely is *unread*: it denies what rests on consent until a
record of the same person names it as superseded. *resolved* is the state of a record that does only that.
"""

from enum import StrEnum
from typing import Literal

StreamKind = Literal["consent", "objection", "restriction", "unread"]
EVERY_PURPOSE = "*"
"""Purpose of an objection, a restriction or an unread statement that concerns all purposes."""


class State(StrEnum):
    """The state that a record reports. `unknown` is never stored; it stands for having no record."""

    UNKNOWN = "unknown"
    REQUESTED = "requested"
    REQUEST_DEFERRED = "request_deferred"
    REFUSED = "refused"
    GIVEN = "given"
    RENEWED = "renewed"
    EXPIRED = "expired"
    INVALIDATED = "invalidated"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    OBJECTED = "objected"
    OBJECTION_LIFTED = "objection_lifted"
    RESTRICTED = "restricted"
    RESTRICTION_LIFTED = "restriction_lifted"
    UNREAD = "unread"
    RESOLVED = "resolved"

    @property
    def stream(self) -> StreamKind:
        """The stream of a person's records that a state belongs to."""
        if self in OBJECTION_STATES:
            return "objection"
        if self in UNREAD_STATES:
            return "unread"
        return "restriction" if self in RESTRICTION_STATES else "consent"


PERMITTING = frozenset({State.GIVEN, State.RENEWED})
OBJECTION_STATES = frozenset({State.OBJECTED, State.OBJECTION_LIFTED})
RESTRICTION_STATES = frozenset({State.RESTRICTED, State.RESTRICTION_LIFTED})
UNREAD_STATES = frozenset({State.UNREAD, State.RESOLVED})
BLOCKING = frozenset({State.OBJECTED, State.RESTRICTED, State.UNREAD})

DPV_TERM: dict[State, str] = {
    State.UNKNOWN: "dpv:ConsentUnknown",
    State.REQUESTED: "dpv:ConsentRequested",
    State.REQUEST_DEFERRED: "dpv:ConsentRequestDeferred",
    State.REFUSED: "dpv:ConsentRefused",
    State.GIVEN: "dpv:ConsentGiven",
    State.RENEWED: "dpv:ConsentRenewed",
    State.EXPIRED: "dpv:ConsentExpired",
    State.INVALIDATED: "dpv:ConsentInvalidated",
    State.WITHDRAWN: "dpv:ConsentWithdrawn",
    State.REVOKED: "dpv:ConsentRevoked",
    # DPV lists these as rights and has no status for them.
    State.OBJECTED: "bojagi:ProcessingObjected",
    State.OBJECTION_LIFTED: "bojagi:ObjectionLifted",
    State.RESTRICTED: "bojagi:ProcessingRestricted",
    State.RESTRICTION_LIFTED: "bojagi:RestrictionLifted",
    State.UNREAD: "bojagi:StatementUnread",
    State.RESOLVED: "bojagi:StatementResolved",
}
