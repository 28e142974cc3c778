"""Decides whether a submission is a new request: it may be open already, or one of too many about a person."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from privacy.rights.errors import TooManyRequestsError
from privacy.rights.request import Actor, Request, State, Submission
from privacy.rights.request_log import OFFICER, RequestLog

PERSON = "subject"
"""Role of a person who is signed in and acts for themselves."""
MOST_UNVERIFIED = 5
"""Requests about one person that may wait for a proof of identity: anybody can ask in another's name."""
MOST_A_DAY = 10
"""Requests about one person in 24 hours."""


def same_open_request(log: RequestLog, subject: str, submission: Submission) -> Request | None:
    """Return the open request that asks the same for the same requester; None if there is none.

    The contact counts as well: an answer must not go to the address of someone who asked first in another's name.
    """
    for request in log.of_person(subject):
        if request.right is submission.right and request.state.is_open:
            sealed = log.store.unseal(request.id, "asked")
            if sealed is not None and _core(json.loads(sealed)) == _core(submission.model_dump(mode="json")):
                return request
    return None


def check_limits(log: RequestLog, subject: str, submission: Submission, now: datetime, by: Actor) -> None:
    """Refuse floods. What others ask in a person's name never keeps the person or an officer from asking."""
    is_trusted = by.role == OFFICER or (by.role == PERSON and by.identity == "authenticated")
    theirs = [r for r in log.of_person(subject) if r.channel == submission.channel]
    waiting = sum(request.state is State.SUBMITTED for request in theirs)
    if not is_trusted and waiting >= MOST_UNVERIFIED:
        raise TooManyRequestsError(
            f"{waiting} requests about this person wait for a proof of identity; expected fewer than "
            f"{MOST_UNVERIFIED}. Verify or refuse them first."
        )
    submitted = [log.store.events(request.id)[0].at for request in theirs]
    if by.role != OFFICER and sum(now - at < timedelta(days=1) for at in submitted) >= MOST_A_DAY:
        raise TooManyRequestsError(
            f"{MOST_A_DAY} requests about this person arrived within 24 hours. Try again tomorrow."
        )


def _core(submission: dict[str, Any]) -> dict[str, Any]:
    """Return what makes two submissions the same request."""
    left_out = {"channel", "received_at", "language", "statement", "customer_id", "mandate_evidence"}
    return {name: value for name, value in submission.items() if name not in left_out}
