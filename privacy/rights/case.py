"""The file of a case while it is executed: who the person is, which steps are done, the answer, the end.

Everything that a resumed execution needs is sealed under the request's data key before the first step that destroys
something. The key is destroyed when the case is complete.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, cast

from privacy.rights.errors import RequestStateError
from privacy.rights.history import fold
from privacy.rights.request import Actor, EventKind, Failure, Request, State
from privacy.rights.request_log import RequestLog
from privacy.rights.subject import Subject
from privacy.rights.subject_store import Outcome, OutcomeKind, Retained

EXECUTOR = Actor(who="bojagi rights execute", role="pipeline")

KEPT = timedelta(days=90)
"""How long an answer can be downloaded, and the reason of a refusal be read, after the end of the request."""


@dataclass(frozen=True)
class Cases:
    """Reads and writes the files of cases. Use one object per thread."""

    log: RequestLog

    def waiting(self) -> list[Request]:
        """Return the requests that are approved or were begun, those with the nearest last day first."""
        return self.log.all((State.APPROVED, State.EXECUTING))

    def begin(self, request: Request, subject: Subject) -> Request:
        """Seal the person and start the execution; a begun case gets the newest look-up.

        Raises:
            RequestStateError: the request was withdrawn or refused meanwhile.
        """
        store = self.log.store
        with store.change():
            known = fold(store.events(request.id))
            if known.state not in (State.APPROVED, State.EXECUTING):
                raise RequestStateError(f"Request {request.id} is {known.state} now, so it is not executed.")
            store.seal(request.id, "subject", subject.sealed_text().encode())
            if known.state is State.APPROVED:
                self.log.note(EXECUTOR, "execute", known.right)
                self.log.append(known, EventKind.STARTED, EXECUTOR)
        return self.log.request(request.id)

    def subject(self, request: Request) -> Subject | None:
        """Return the sealed person of a begun case; None before it is begun."""
        found = self.log.store.unseal(request.id, "subject")
        return None if found is None else Subject.from_sealed_text(found.decode())

    def record(self, request: Request, step: str, store: str, outcome: Outcome) -> None:
        """Append what a step did in a store, unless the newest entry of this step says the same."""
        details: dict[str, Any] = {
            "step": step, "store": store, "outcome": str(outcome.kind), "reason": outcome.reason[:500],
            "counts": dict(outcome.counts), "remaining": list(outcome.remaining),
            "retained": [json.dumps(asdict(kept), sort_keys=True) for kept in outcome.retained],
        }  # fmt: skip
        with self.log.store.change():
            same = [
                event.details
                for event in self.log.store.events(request.id)
                if event.kind is EventKind.STEP and (event.details["step"], event.details["store"]) == (step, store)
            ]
            if not same or same[-1] != details:
                self.log.append(request, EventKind.STEP, EXECUTOR, details)

    def has_done(self, request: Request, step: str, store: str) -> bool:
        """Return whether a step was recorded as done in a store."""
        steps = [event.details for event in self.log.store.events(request.id) if event.kind is EventKind.STEP]
        return any((d["step"], d["store"], d["outcome"]) == (step, store, "done") for d in steps)

    def steps(self, request: Request) -> dict[str, list[Outcome]]:
        """Return what every store did for a request, over all executions, in the order of the first step of each."""
        found: dict[str, list[Outcome]] = {}
        for event in self.log.store.events(request.id):
            if event.kind is EventKind.STEP:
                details = cast("dict[str, Any]", event.details)
                outcome = Outcome(
                    OutcomeKind(details["outcome"]), details["reason"], details["counts"],
                    tuple(_retained(text) for text in details["retained"]), tuple(details["remaining"]),
                )  # fmt: skip
                found.setdefault(details["store"], []).append(outcome)
        return found

    def fail(self, request: Request, failures: Sequence[Failure]) -> None:
        """Record what keeps a request open, unless it is recorded already."""
        with self.log.store.change():
            known = fold(self.log.store.events(request.id))
            if known.failures != tuple(failures):
                details = {
                    "stores": [failure.store for failure in failures],
                    "reasons": [failure.reason for failure in failures],
                }
                self.log.append(request, EventKind.FAILED, EXECUTOR, details)

    def save_answer(self, request: Request, content: bytes) -> None:
        """Seal the answer, once: an answer that exists is kept, so that a resumed execution makes no second one."""
        with self.log.store.change():
            if not fold(self.log.store.events(request.id)).is_answer_ready:
                self.log.store.seal(request.id, "answer", content)
                self.log.append(request, EventKind.ANSWERED, EXECUTOR)

    def complete(self, request: Request, certificate: str) -> Request:
        """End a case: record the certificate's SHA-256, then delete what was sealed.

        After an erasure nothing links the requests of the person to the person any more, and earlier answers are gone.

        Raises:
            RequestStateError: the request was withdrawn or refused meanwhile.
        """
        with self.log.store.change():
            known = fold(self.log.store.events(request.id))
            if known.state is not State.EXECUTING:
                raise RequestStateError(f"Request {request.id} is {known.state} now, so it is not completed.")
            self.log.append(request, EventKind.COMPLETED, EXECUTOR, {"certificate": certificate})
        self.sweep()
        return self.log.request(request.id)

    def sweep(self) -> None:
        """Delete what is sealed for requests that have ended; answers and reasons of refusals after `KEPT`.

        Also finishes the end of a case that a kill interrupted.
        """
        for request_id in self.log.store.sealed_names():
            request = self.log.request(request_id)
            if request.completed_at is not None and self.log.clock() - request.completed_at > KEPT:
                self.delete_answer(request)
            elif not request.state.is_open:
                self.close(request_id)

    def close(self, request_id: str) -> None:
        """Delete what was sealed for a request that has ended, except an answer and the reason of a refusal."""
        names = set(self.log.store.sealed_names().get(request_id, []))
        kept = names & {"answer", "reason"}
        if names and not kept:
            self.log.store.delete_sealed(request_id)
        elif names - kept:
            self.log.store.delete_sealed(request_id, names - kept)

    def answer(self, request: Request, by: Actor) -> bytes:
        """Return the sealed answer of a completed request, after the disclosure was logged.

        Raises:
            RequestStateError: the request is not completed, or its answer was deleted.
        """
        store = self.log.store
        with store.change():
            known = fold(store.events(request.id))
            if known.state is not State.COMPLETED or known.identity is None or not known.is_answer_ready:
                raise RequestStateError(f"Request {request.id} is {known.state} and has no answer to download.")
            self.log.note(by, "disclose", known.right)
            content = store.unseal(request.id, "answer")
            if content is None:
                raise RequestStateError(f"The answer of {request.id} was deleted.")
            self.log.append(known, EventKind.DOWNLOADED, by)
        return content

    def delete_answer(self, request: Request) -> None:
        """Delete the answer of a request and destroy its key; the history says so."""
        store = self.log.store
        store.delete_sealed(request.id)
        with store.change():
            if fold(store.events(request.id)).is_answer_ready:
                self.log.append(request, EventKind.ANSWERED, EXECUTOR, {"is_deleted": True})


def _retained(text: str) -> Retained:
    content = json.loads(text)
    return Retained(**{**content, "fields": tuple(content["fields"])})
