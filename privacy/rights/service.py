"""`RightsService`: takes requests of data subjects and decides on them. Commands, routes and jobs only call it.

Each step is one transaction: the state is checked, the entry in the audit log is written, the effect on consent takes
place, and the event is stored. A step that fails leaves the request as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import cast

from privacy.consent.service import ConsentService
from privacy.rights.admission import PERSON, check_limits, same_open_request
from privacy.rights.case import Cases
from privacy.rights.deadline import Deadline, deadline_on, extended_deadline, first_deadline
from privacy.rights.effect import Effect, purposes_of, stream_of
from privacy.rights.errors import (
    InvalidSubmissionError,
    RequestStateError,
    RightsRefusedError,
)
from privacy.rights.history import fold, is_proven, submission_event
from privacy.rights.law import RequestLaw, RequestLaws
from privacy.rights.legal_hold import LegalHold, LegalHolds
from privacy.rights.request import (
    Actor,
    Event,
    EventKind,
    Request,
    Right,
    State,
    Submission,
    new_request_id,
)
from privacy.rights.request_log import OFFICER, RequestLog, require_officer
from privacy.rights.wording import Language

METHOD = r"[a-z][a-z0-9_]{1,63}"
"""Form of a method by which an identity was verified."""
MOST_AGE = timedelta(days=3660)
"""A request that arrived earlier is a slip of the pen."""
REPEATED_WITHIN = timedelta(days=365)
"""Earlier requests for the same right within this time are counted; the officer judges whether they are excessive."""


@dataclass(frozen=True)
class Submitted:
    """The request that a submission led to; `is_duplicate`: it was open already."""

    request: Request
    is_duplicate: bool


@dataclass(frozen=True)
class RequestView:
    """A request with its deadline, history, holds, and the number of earlier requests for the same right in a year."""

    request: Request
    deadline: Deadline
    events: tuple[Event, ...]
    holds: tuple[LegalHold, ...]
    repetitions: int


@dataclass(frozen=True)
class RightsService:
    """Requests of one installation. Use one object per thread.

    Attributes:
        log: the requests and their history.
        laws: periods, extensions and grounds of refusal.
        consents: returns the consent service, through which an approval takes effect at once.
    """

    log: RequestLog
    laws: RequestLaws
    consents: Callable[[], ConsentService]

    # --- read

    @property
    def holds(self) -> LegalHolds:
        """The legal holds."""
        return LegalHolds(self.log)

    @property
    def cases(self) -> Cases:
        """The files of cases, for their execution."""
        return Cases(self.log)

    def requests(self, states: Iterable[State] | None = None, right: Right | None = None) -> list[Request]:
        """Return requests, open ones first, then by their last day; by default of all states and rights."""
        return self.log.all(states, right)

    def requests_of(self, customer_id: str) -> list[Request]:
        """Return the requests about one person, the newest first."""
        return self.log.of_customer(customer_id)

    def request(self, request_id: str, customer_id: str | None = None) -> Request:
        """Return one request; with `customer_id`, only if it concerns this signed-in person.

        Raises:
            UnknownRequestError: there is no such request, or it concerns another person.
        """
        return self.log.request(request_id, customer_id)

    def show(self, request_id: str, customer_id: str | None = None) -> RequestView:
        """Return a request with everything that is known about it; raises what `request` raises."""
        request = self.request(request_id, customer_id)
        same = [r for r in self.log.of_person(request.subject) if r.right is request.right and r.id != request.id]
        recent = [r for r in same if timedelta() <= request.received_at - r.received_at <= REPEATED_WITHIN]
        events = tuple(self.log.store.events(request_id))
        return RequestView(request, self.deadline(request), events, tuple(self.holds.on(request)), len(recent))

    def deadline(self, request: Request) -> Deadline:
        """Return the deadline of a request, seen from today, or from the day of its end."""
        seen_from = (
            self.log.day(self.log.clock()) if request.completed_at is None else self.log.day(request.completed_at)
        )
        return deadline_on(seen_from, request.due_on, request.jurisdiction)

    def law(self, request: Request) -> RequestLaw:
        """Return the law that governs a request."""
        return self.laws.of(request.jurisdiction)

    def refusal_text(self, request: Request, language: Language) -> str:
        """Return what the person is told about a refusal: ground, article, the officer's reason, ways to complain."""
        if request.refusal is None:
            raise RequestStateError(f"Request {request.id} is {request.state}, not refused.")
        law = self.law(request)
        ground = law.ground(request.refusal.ground, request.right)
        reason = self.log.store.unseal(request.id, "reason")
        parts = [f"{ground.text(language)} ({ground.article})", (reason or b"").decode(), law.complaint.text(language)]
        return " ".join(part for part in parts if part)

    # --- the requester's steps

    def submit(self, submission: Submission, by: Actor) -> Submitted:
        """Take a request. A request that is open already and asks the same is returned instead of a second one.

        Raises:
            InvalidSubmissionError: the customer is unknown, or a field has a value that no request may have.
            TooManyRequestsError: too many requests about the person came in a day, or wait for a proof of identity.
        """
        now = self.log.clock()
        ids = self.log.ids(submission.customer_id)
        if not ids:
            raise InvalidSubmissionError(
                "customer_id: no table and no consent record has this customer; expected a known one. "
                "A customer who has just landed is known after `bojagi run`."
            )
        law = self.laws.of(submission.jurisdiction)
        received_at = submission.received_at or now
        if not now - MOST_AGE <= received_at <= now:
            raise InvalidSubmissionError(
                f"received_at: got a time in the future, or more than {MOST_AGE.days} days ago; expected the arrival."
            )
        self._check_purposes(submission.purposes)
        day = self.log.day(received_at)
        with self.log.store.change():
            subject = self.log.store.reference_for(ids)
            same = same_open_request(self.log, subject, submission)
            if same is not None:
                self.log.note(by, "submit", submission.right)
                self.log.append(same, EventKind.DUPLICATE, by, {"channel": submission.channel})
                return Submitted(fold(self.log.store.events(same.id)), is_duplicate=True)
            check_limits(self.log, subject, submission, now, by)
            request = Request(
                id=new_request_id(), subject=subject, right=submission.right, jurisdiction=submission.jurisdiction,
                channel=submission.channel, language=submission.language, requester=submission.requester,
                received_at=received_at, state=State.SUBMITTED, purposes=submission.purposes, form=submission.form,
                decision=submission.decision,
                due_on=first_deadline(law, submission.right, day, submission.jurisdiction),
            )  # fmt: skip
            self.log.note(by, "submit", request.right)
            self.log.store.append(submission_event(request, now, by), subject)
            self.log.store.seal(request.id, "customer", submission.customer_id.encode())
            self.log.store.seal(request.id, "asked", submission.model_dump_json().encode())
        return Submitted(request, is_duplicate=False)

    def withdraw(self, request_id: str, by: Actor, customer_id: str | None = None) -> Request:
        """End a request that the person no longer wants. What its approval stopped is allowed again.

        Raises:
            UnknownRequestError: no such request, or another person's.
            RequestStateError: it is being executed, or has ended. A correction that no store can carry out may end.
            RightsRefusedError: neither an officer nor the signed-in person asks.
        """
        if by.role != OFFICER and (by.role != PERSON or customer_id is None):
            raise RightsRefusedError("Only the person or a privacy officer withdraws a request.")
        with self.log.step(request_id, by, "withdraw", customer_id) as request:
            if not request.can_end:
                raise RequestStateError(f"Request {request.id} is {request.state}, so it cannot be withdrawn.")
            if request.state in (State.APPROVED, State.EXECUTING):
                self._undo(request)
            self.log.append(request, EventKind.WITHDRAWN, by)
        self.cases.close(request_id)
        return self.request(request_id)

    # --- the officer's steps

    def verify_identity(
        self, request_id: str, method: str, by: Actor, *, of: str = "identity", evidence: str | None = None
    ) -> Request:
        """Record that the requester's identity was verified, or the mandate of a guardian or agent (`of="mandate"`).

        An objection to direct marketing is approved at once, because nothing can be held against it (GDPR art. 21(3)).

        Args:
            request_id: the request.
            method: how it was verified, such as one_time_link or passport_seen.
            by: an officer; or a door that has authenticated the person, who acts for themselves.
            of: what was verified: identity or mandate.
            evidence: SHA-256 of the document that was seen.

        Raises:
            UnknownRequestError: no such request.
            RequestStateError: the request is decided already.
            RightsRefusedError: the caller may not verify this.
        """
        if of not in ("identity", "mandate"):
            raise InvalidSubmissionError(f"of: got {of!r}; expected identity or mandate.")
        if not re.fullmatch(METHOD, method):
            # A free text could name the person, and the certificate shows the method.
            raise InvalidSubmissionError("method: expected a word such as passport_seen, of a-z, 0-9 and _.")
        with self.log.step(request_id, by, f"verify_{of}") as request:
            _require(request, {State.SUBMITTED}, "verified")
            is_own_door = by.role == PERSON and by.identity == "authenticated" and request.requester == "self"
            if by.role != OFFICER and not (is_own_door and of == "identity"):
                raise RightsRefusedError(
                    "A privacy officer verifies identities and mandates; a person who is signed in, only their own."
                )
            if of == "mandate" and request.requester == "self":
                raise RequestStateError("The person asks for themselves, so there is no mandate to verify.")
            details = {"of": of, "method": method, "evidence": evidence}
            self.log.append(request, EventKind.IDENTITY_VERIFIED, by, details)
            known = fold(self.log.store.events(request_id))
            if is_proven(known) and self._effect().is_absolute(known):
                self._approve(known, Actor(who="law", role="policy"))
        return self.request(request_id)

    def approve(self, request_id: str, by: Actor) -> Request:
        """Approve a request. An erasure, restriction or objection stops every use of the data at once.

        Raises:
            UnknownRequestError: no such request.
            RequestStateError: the identity is not verified yet, or the request is decided already.
            RightsRefusedError: the caller is no privacy officer, or a legal hold forbids the erasure.
        """
        require_officer(by)
        with self.log.step(request_id, by, "approve") as request:
            if request.state is State.SUBMITTED:
                raise RequestStateError(
                    f"The requester of {request.id} is not verified, so nothing may be disclosed or changed. Verify "
                    "the identity (and the mandate of a guardian or agent) first: `bojagi rights identify`."
                )
            _require(request, {State.VERIFIED}, "approved")
            self._approve(request, by)
        return self.request(request_id)

    def refuse(self, request_id: str, ground: str, by: Actor, reason: str = "") -> Request:
        """Refuse a request on a legal ground. What an approval stopped is allowed again.

        Args:
            request_id: the request.
            ground: name of the ground in `law.yaml`.
            by: a privacy officer.
            reason: the officer's explanation for the person; it is sealed.

        Raises:
            UnknownRequestError: no such request.
            RequestStateError: it is being executed, or has ended. A correction that no store can carry out may end.
            RightsRefusedError: the caller is no privacy officer, or the law has no such ground for this right.
        """
        require_officer(by)
        if len(reason) > 2000:
            raise InvalidSubmissionError(f"reason: got {len(reason)} characters; expected at most 2,000.")
        with self.log.step(request_id, by, "refuse") as request:
            found = self.law(request).ground(ground, request.right)
            if not request.can_end:
                raise RequestStateError(f"Request {request.id} is {request.state}, so it cannot be refused.")
            if request.state in (State.APPROVED, State.EXECUTING):
                self._undo(request)
            self.log.append(request, EventKind.REFUSED, by, {"ground": ground, "article": found.article})
            if reason:
                self.log.store.seal(request.id, "reason", reason.encode())
        self.cases.close(request_id)
        return self.request(request_id)

    def extend(self, request_id: str, reason: str, by: Actor, until: date | None = None) -> Request:
        """Extend the deadline, as far as the law of the request allows it, before it has passed.

        Raises:
            UnknownRequestError: no such request.
            RequestStateError: the request has ended, or its last day has passed.
            RightsRefusedError: the caller is no privacy officer, or the law allows no extension.
            InvalidSubmissionError: the reason is missing, or `until` is not what the law expects.
        """
        require_officer(by)
        if not 3 <= len(reason) <= 2000:
            raise InvalidSubmissionError("reason: the person must be told why; expected 3 to 2,000 characters.")
        with self.log.step(request_id, by, "extend") as request:
            if not request.state.is_open:
                raise RequestStateError(f"Request {request.id} is {request.state}, so its deadline is over.")
            if self.log.day(self.log.clock()) > request.due_on:
                raise RequestStateError(
                    f"The last day of {request.id} was {request.due_on}; an extension must be told before it."
                )
            day = self.log.day(request.received_at)
            due_on, rule = extended_deadline(
                self.law(request), request.right, day, request.jurisdiction, request.extensions, until
            )
            self.log.append(request, EventKind.EXTENDED, by, {"due_on": due_on.isoformat(), "article": rule.article})
            self.log.store.seal(request.id, "extension", reason.encode())
        return self.request(request_id)

    # --- shared by the steps and by the execution

    def customer_of(self, request: Request) -> str:
        """Return the customer id that a request was submitted about.

        Raises:
            RequestStateError: the request has ended, so the id is not kept.
        """
        found = self.log.store.unseal(request.id, "customer")
        if found is None:
            raise RequestStateError(f"Request {request.id} has ended, so the customer behind it is not kept.")
        return found.decode()

    def asked(self, request: Request) -> Submission:
        """Return the submission behind an open request, with contact, statement and corrections; raises as above."""
        found = self.log.store.unseal(request.id, "asked")
        if found is None:
            raise RequestStateError(f"Request {request.id} has ended, so its submission is not kept.")
        return Submission.model_validate_json(found)

    def answer(self, request_id: str, by: Actor, customer_id: str | None = None) -> bytes:
        """Return the answer of a completed request: a ZIP archive. The disclosure is logged before.

        Raises:
            UnknownRequestError: no such request, or another person's.
            RequestStateError: the request is not completed, or its answer was deleted.
            RightsRefusedError: neither an officer nor the signed-in person asks.
        """
        is_own = by.role == PERSON and by.identity == "authenticated" and customer_id is not None
        if by.role != OFFICER and not is_own:
            raise RightsRefusedError("Only the person or a privacy officer receives an answer.")
        return self.cases.answer(self.request(request_id, customer_id), by)

    def _approve(self, request: Request, by: Actor) -> None:
        customer = self.customer_of(request)
        if request.right is Right.ERASURE:
            self.holds.require_none(request, self.log.ids(customer) or [customer])
        stopped = self._effect().apply(request, customer)
        self.log.append(request, EventKind.APPROVED, by, {"stopped": stopped})

    def _undo(self, request: Request) -> None:
        """Allow again what the approval of a request stopped, unless another request of the person stops it as well."""
        approval = next(e for e in self.log.store.events(request.id) if e.kind is EventKind.APPROVED)
        stopped = {*cast("list[str]", approval.details.get("stopped", []))}
        for other in self.log.of_person(request.subject):
            is_in_force = other.state in (State.APPROVED, State.EXECUTING, State.COMPLETED)
            if other.id != request.id and is_in_force and stream_of(other.right) == stream_of(request.right):
                stopped -= {*purposes_of(other)}
        self._effect().undo(request, self.customer_of(request), sorted(stopped))

    def _effect(self) -> Effect:
        return Effect(self.consents())

    def _check_purposes(self, purposes: Iterable[str]) -> None:
        taxonomy = self.consents().policy.taxonomy
        for purpose in purposes:
            if purpose not in taxonomy.purposes:
                known = ", ".join(taxonomy.purposes)
                raise InvalidSubmissionError(f"purposes: got {purpose!r}; expected some of {known}.")


def _require(request: Request, states: set[State], done: str) -> None:
    if request.state not in states:
        raise RequestStateError(f"Request {request.id} is {request.state}, so it cannot be {done}.")
