"""The consent record: one statement of one person about one purpose, with the fields of ISO/IEC TS 27560.

Times are the controller's local wall time, as in the silver tables, with microseconds. A record is bitemporal:
`effective_at` is the time from which it counts, `recorded_at` the time at which it was recorded.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from privacy.consent.state import EVERY_PURPOSE, State

Text = Annotated[str, Field(min_length=1, max_length=200)]
_OPAQUE_ID = r"[0-9A-Za-z_.:\-]{1,128}"
OpaqueId = Annotated[str, Field(pattern=f"^{_OPAQUE_ID}$")]
SUBJECT_TOKEN_KIND = "member_no"
"""Kind of the matching key by which landed consents name their source person."""
Asked = Literal["separately", "bundled", "condition_of_service"]
ExpressedBy = Literal["self", "guardian", "agent"]


class ConsentRecord(BaseModel):
    """One record; never changed once stored. A new statement is a new record that names the one it supersedes.

    Attributes:
        record_id: opaque.
        subject_id: the source person who made the statement: a matching token or a customer id, never an identifier
            in clear.
        controller: the organisation responsible for the processing.
        purpose: a purpose of the taxonomy; `*` for an objection, a restriction or an unread statement that concerns
            all.
        data_categories: W3C DPV terms of the data that it covers.
        notice_version: version of the notice that was shown.
        notice_language: language of the notice, BCP 47.
        recipients: others that may receive the data, as the notice named them.
        storage: place and duration of storage, as the notice said.
        jurisdiction: country whose law governs, ISO 3166-1.
        method: how the statement was expressed.
        withdrawal_method: how it can be withdrawn, as the notice said.
        state: given, withdrawn, objected …
        effective_at: time from which it counts.
        recorded_at: time at which it was recorded.
        expires_at: time at which it ends; None: it counts until another record follows.
        expressed_by: the person, a guardian, or an agent of the person.
        age_years: the person's age in full years at the statement; None when unknown. The birth date is not kept,
            because the proof of consent does not need it.
        asked: separately, bundled with other matters in one box, or as a condition of the service; None when unknown.
            An unknown way counts as none.
        evidence_hash: SHA-256 of the stored evidence.
        supersedes: the record before it, or the one that it corrects or resolves.
        note: why a statement could not be read, or what the officer noted; without personal data.
        recorded_by: the officer who resolved an unread statement.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    record_id: OpaqueId
    subject_id: OpaqueId
    controller: Text
    purpose: Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]{0,63}|\*)$")]
    data_categories: tuple[Annotated[str, Field(pattern=r"^[a-z\-]+:[A-Za-z0-9]+$")], ...] = ()
    notice_version: Text
    notice_language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")]
    recipients: tuple[Text, ...] = ()
    storage: Text | None = None
    jurisdiction: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    method: Text
    withdrawal_method: Text | None = None
    state: State
    effective_at: datetime
    recorded_at: datetime
    expires_at: datetime | None = None
    expressed_by: ExpressedBy = "self"
    age_years: Annotated[int, Field(ge=0, le=150)] | None = None
    asked: Asked | None = None
    evidence_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    supersedes: OpaqueId | None = None
    note: Annotated[str, Field(max_length=500)] | None = None
    recorded_by: Text | None = None

    @field_validator("effective_at", "recorded_at", "expires_at")
    @classmethod
    def _is_wall_time(cls, moment: datetime | None) -> datetime | None:
        if moment is not None and moment.tzinfo is not None:
            raise ValueError("got a time with an offset; expected the controller's local wall time without one")
        return moment

    @model_validator(mode="after")
    def _is_coherent(self) -> ConsentRecord:
        if self.state is State.UNKNOWN:
            raise ValueError("got the state unknown, which means that no record exists; expected another state")
        if self.purpose == EVERY_PURPOSE and self.state.stream == "consent":
            raise ValueError("got a consent to every purpose (*); expected one purpose for each record")
        if self.expires_at is not None and self.expires_at < self.effective_at:
            raise ValueError("got expires_at before effective_at; expected the same time or a later one")
        return self

    @property
    def duration(self) -> timedelta | None:
        """The time from `effective_at` to `expires_at`; None when the record has no end."""
        return None if self.expires_at is None else self.expires_at - self.effective_at


def is_opaque_id(text: str) -> bool:
    """Return whether a text may be the identifier of a record, a source person or a customer.

    Such a text has no quotes, spaces or line breaks, so that it can stand in a condition of SQL.

    >>> is_opaque_id("c_5kq"), is_opaque_id("c' OR '1'='1"), is_opaque_id("c_1 ")
    (True, False, False)
    """
    return re.fullmatch(_OPAQUE_ID, text) is not None


def new_record_id() -> str:
    """Return an opaque identifier that no two records share."""
    return f"r_{secrets.token_hex(16)}"
