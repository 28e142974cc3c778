"""The request of a person: what is asked, by whom, in which state, and what happened to it.

A request passes these states:

    submitted → verified → approved → executing → completed
        └──────────┴──────────┴→ refused | withdrawn

Nothing is disclosed, changed or erased before `approved`, and nothing is approved before the requester's identity is
verified. `executing` lasts until every store is verified; its `failures` say which store keeps it open, and why.
No field of a request holds personal data: contact, statement, corrections and customer id are sealed apart.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from privacy.consent.errors import describe_faults
from privacy.consent.record import OpaqueId
from privacy.rights.errors import InvalidSubmissionError
from privacy.rights.subject import ErasureForm
from privacy.rights.wording import Language

REQUEST_ID = r"q_[0-9a-f]{32}"
Name = Annotated[str, Field(min_length=1, max_length=200)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Right(StrEnum):
    """The right that a person exercises (GDPR art. 15 to 22, PIPA art. 35 to 37-2)."""

    ACCESS = "access"
    PORTABILITY = "portability"
    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    RESTRICTION = "restriction"
    OBJECTION = "objection"
    EXPLANATION = "explanation"


DISCLOSING = frozenset({Right.ACCESS, Right.PORTABILITY, Right.EXPLANATION})
"""Rights whose answer contains personal data."""


class State(StrEnum):
    """Where a request stands; see the module."""

    SUBMITTED = "submitted"
    VERIFIED = "verified"
    APPROVED = "approved"
    EXECUTING = "executing"
    COMPLETED = "completed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"

    @property
    def is_open(self) -> bool:
        """Whether the request still needs work."""
        return self not in {State.COMPLETED, State.REFUSED, State.WITHDRAWN}


RequesterKind = Literal["self", "guardian", "agent"]
Channel = Literal["cli", "http", "portal", "phone", "letter", "counter"]


class Frozen(BaseModel):
    """A frozen model that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Actor(Frozen):
    """The user or program that does a step. `identity`: authenticated where a door has checked user and role."""

    who: Name
    role: Annotated[str, Field(min_length=1, max_length=100)]
    identity: Literal["declared", "authenticated"] = "declared"


class CorrectionAsked(Frozen):
    """The corrected value of one field of a source. It is sealed until the request is completed."""

    source: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    column: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    value: Annotated[str, Field(max_length=500)] | None = Field(repr=False)


class Submission(Frozen):
    """What a person, a guardian or an agent asks.

    Attributes:
        right: the right that is exercised.
        customer_id: the customer that the request concerns.
        jurisdiction: country whose law governs, ISO 3166-1, such as KR or DE.
        channel: how the request arrived.
        requester: the person, a guardian, or an agent with a mandate.
        mandate_evidence: SHA-256 of the document that shows the guardianship or the mandate.
        received_at: when the request arrived; None takes now. The deadline counts from this day.
        language: of the answer.
        contact: e-mail address for messages about the request; sealed.
        statement: the request in the person's words; sealed.
        purposes: for an objection, the purposes; empty objects to all that yield to an objection.
        corrections: for a rectification, the fields and their right values; sealed.
        form: for an erasure, whether rows are deleted or anonymised.
        decision: for an explanation, the name of the automated decision.
    """

    right: Right
    customer_id: OpaqueId = Field(repr=False)
    jurisdiction: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "KR"
    channel: Channel = "cli"
    requester: RequesterKind = "self"
    mandate_evidence: Sha256 | None = None
    received_at: AwareDatetime | None = None
    language: Language = "ko"
    contact: Annotated[str, Field(max_length=254)] | None = Field(default=None, repr=False)
    statement: Annotated[str, Field(max_length=4000)] | None = Field(default=None, repr=False)
    purposes: Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")], ...], Field(max_length=50)] = ()
    corrections: Annotated[tuple[CorrectionAsked, ...], Field(max_length=50)] = ()
    form: ErasureForm = ErasureForm.DELETE
    decision: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")] | None = None

    @field_validator("contact")
    @classmethod
    def _is_one_address(cls, contact: str | None) -> str | None:
        # A line break would add headers to the message that is sent there.
        if contact is not None and not re.fullmatch(r"[^\s@<>,;:\"]{1,64}@[^\s@<>,;:\"]{1,189}", contact):
            raise ValueError("got a text that is no e-mail address; expected one address")
        return contact

    @model_validator(mode="after")
    def _is_coherent(self) -> Submission:
        if (self.requester == "self") != (self.mandate_evidence is None):
            got = "a mandate for the person" if self.requester == "self" else f"{self.requester} without one"
            raise ValueError(f"mandate: a guardian or an agent shows a document, the person does not; got {got}")
        if bool(self.corrections) != (self.right is Right.RECTIFICATION):
            got = "no corrections" if self.right is Right.RECTIFICATION else f"corrections with the right {self.right}"
            raise ValueError(f"corrections: a rectification names the corrected fields, no other right does; got {got}")
        if self.purposes and self.right is not Right.OBJECTION:
            raise ValueError(f"got purposes with the right {self.right}; only an objection names purposes")
        if self.decision and self.right is not Right.EXPLANATION:
            raise ValueError(f"got a decision with the right {self.right}; only an explanation names one")
        return self


class Proof(Frozen):
    """How an identity or a mandate was verified: by which method, by whom, and the SHA-256 of the evidence, if any."""

    method: Name
    by: Name
    at: AwareDatetime
    evidence: Sha256 | None = None


class Refusal(Frozen):
    """The legal ground of a refusal: its name in `law.yaml` and its article."""

    ground: str
    article: str


class Failure(Frozen):
    """What keeps a request open: the store or step, and the reason without personal data."""

    store: str
    reason: str


class Request(Frozen):
    """One request as its history leaves it. Holds no personal data.

    Attributes:
        subject: reference of the person; all requests of one person have the same one while it is known.
        due_on: last day for the answer, with every extension.
        duplicates: how often the same was asked again while this request was open.
        failures: what keeps an executing request open.
        certificate: SHA-256 of the certificate.
        is_answer_ready: whether a sealed answer can be downloaded.
        downloads: how often the answer was downloaded.
    """

    id: Annotated[str, Field(pattern=f"^{REQUEST_ID}$")]
    subject: str
    right: Right
    jurisdiction: str
    channel: Channel
    language: Language
    requester: RequesterKind
    received_at: AwareDatetime
    state: State
    due_on: date
    purposes: tuple[str, ...] = ()
    form: ErasureForm = ErasureForm.DELETE
    decision: str | None = None
    extensions: int = 0
    duplicates: int = 0
    identity: Proof | None = None
    mandate: Proof | None = None
    decided_at: AwareDatetime | None = None
    completed_at: AwareDatetime | None = None
    refusal: Refusal | None = None
    failures: tuple[Failure, ...] = ()
    certificate: Sha256 | None = None
    is_answer_ready: bool = False
    downloads: int = 0

    @property
    def can_end(self) -> bool:
        """Whether it can be refused or withdrawn: before its execution, or as a correction that failed.

        A correction that no store can carry out would stay open for ever, and keep an erasure of the person waiting.
        """
        is_stuck = self.right is Right.RECTIFICATION and bool(self.failures)
        return self.state in (State.SUBMITTED, State.VERIFIED, State.APPROVED) or (
            self.state is State.EXECUTING and is_stuck
        )


class EventKind(StrEnum):
    """What happened to a request."""

    SUBMITTED = "submitted"
    DUPLICATE = "duplicate"
    IDENTITY_VERIFIED = "identity_verified"
    APPROVED = "approved"
    REFUSED = "refused"
    EXTENDED = "extended"
    WITHDRAWN = "withdrawn"
    STARTED = "started"
    STEP = "step"
    FAILED = "failed"
    ANSWERED = "answered"
    DOWNLOADED = "downloaded"
    COMPLETED = "completed"
    HOLD_PLACED = "hold_placed"
    HOLD_RELEASED = "hold_released"


class Event(Frozen):
    """One entry of the append-only history of a request, or of a legal hold. `details` hold no personal data."""

    request: str
    at: AwareDatetime
    kind: EventKind
    by: Actor
    details: dict[str, str | int | bool | list[str] | dict[str, int] | None] = Field(default_factory=dict)


def new_submission(fields: Mapping[str, Any]) -> Submission:
    """Return a submission of these fields.

    Raises:
        InvalidSubmissionError: names every fault, without the values.
    """
    try:
        return Submission.model_validate(dict(fields))
    except ValidationError as error:
        raise InvalidSubmissionError(f"{describe_faults(error)}. No request was made.") from None


def new_request_id() -> str:
    """Return an id that no two requests share and that cannot be guessed (128 random bits)."""
    return f"q_{secrets.token_hex(16)}"


def is_request_id(text: str) -> bool:
    """Return whether a text has the form of a request's id.

    >>> is_request_id(new_request_id()), is_request_id("q_1' OR '1'='1")
    (True, False)
    """
    return re.fullmatch(REQUEST_ID, text) is not None
