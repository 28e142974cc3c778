"""The consent record: one thing that one person said about one purpose, with the fields of ISO/IEC TS 27560.

Times are the controller's local wall time, as in the silver tables, with microseconds. A record is bitemporal:
`effective_at` says since when it holds, `recorded_at` since when we know.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from privacy.consent.state import EVERY_PURPOSE, State

Text = Annotated[str, Field(min_length=1, max_length=200)]
OpaqueId = Annotated[str, Field(pattern=r"^[0-9A-Za-z_.:\-]{1,128}$")]
Asked = Literal["separately", "bundled", "condition_of_service"]


class ConsentRecord(BaseModel):
    """One record; never changed once stored. A change of mind is a new record that names the one it supersedes.

    Attributes:
        record_id: opaque.
        subject_id: the source person who spoke: a matching token or a customer id, never an identifier in clear.
        controller: who is responsible for the processing.
        purpose: a purpose of the taxonomy; `*` for an objection or restriction that concerns all.
        data_categories: W3C DPV terms of the data it covers.
        notice_version: version of the notice that was shown.
        notice_language: its language, BCP 47.
        recipients: who else may receive the data, as the notice named them.
        storage: where and how long, as the notice said.
        jurisdiction: country whose law governs, ISO 3166-1.
        method: how it was expressed.
        withdrawal_method: how it can be withdrawn, as the notice said.
        state: what was said.
        effective_at: since when it holds.
        recorded_at: since when we know.
        expires_at: until when it holds; None until something else is said.
        expressed_by: the person, or a guardian.
        age_years: the person's age in full years when speaking; None when unknown. Not the birth date, which the
            proof of consent does not need.
        asked: alone, in one box together with other matters, or as a condition of the service.
        evidence_hash: SHA-256 of the stored evidence.
        supersedes: the record before it, or the one it corrects.
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
    expressed_by: Literal["self", "guardian"] = "self"
    age_years: Annotated[int, Field(ge=0, le=150)] | None = None
    asked: Asked = "separately"
    evidence_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    supersedes: OpaqueId | None = None

    @field_validator("effective_at", "recorded_at", "expires_at")
    @classmethod
    def _is_wall_time(cls, moment: datetime | None) -> datetime | None:
        if moment is not None and moment.tzinfo is not None:
            raise ValueError("got a time with an offset; expected the controller's local wall time without one")
        return moment

    @model_validator(mode="after")
    def _is_coherent(self) -> ConsentRecord:
        if self.state is State.UNKNOWN:
            raise ValueError("got the state unknown; expected what was said: unknown means that no record exists")
        if self.purpose == EVERY_PURPOSE and self.state.stream == "consent":
            raise ValueError("got a consent to every purpose; expected one purpose a record")
        if self.expires_at is not None and self.expires_at < self.effective_at:
            raise ValueError("got an end before the start; expected expires_at at or after effective_at")
        return self

    @property
    def duration(self) -> timedelta | None:
        """For how long it holds; None until something else is said."""
        return None if self.expires_at is None else self.expires_at - self.effective_at


def new_record_id() -> str:
    """An opaque identifier that no two records share."""
    return f"r_{secrets.token_hex(16)}"
