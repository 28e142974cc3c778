"""Executes approved requests: erases persons from every store, verifies each store, signs the certificate.

Steps of an erasure, each of them idempotent, so that a killed execution is repeated from its begin:

1. look the person up, check legal holds, and seal the look-up under the request's data key;
2. suppress the person, so that no load brings new rows;
3. erase the persons of all requests together in each store: one rewrite serves many requests;
4. verify each store; a residue or an unverifiable part keeps the request open and is named in it;
5. confirm that this machine has erased; the request stays open until every machine of the database has;
6. write the signed certificate, record its digest, and destroy what was sealed.

Call it while holding the run lock: no load may run beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from installation.errors import InstallationError
from pipelines.errors import PipelineError
from pipelines.rights.certification import Certification
from privacy.errors import PrivacyError
from privacy.rights.case import Cases
from privacy.rights.errors import RequestStateError, RightsRefusedError
from privacy.rights.request import DISCLOSING, Failure, Request, Right, State
from privacy.rights.service import RightsService
from privacy.rights.subject import Subject
from privacy.rights.subject_store import (
    Correction,
    ExportedTable,
    Outcome,
    OutcomeKind,
    SubjectStore,
    Verification,
    prerequisites,
)

Result = TypeVar("Result")
SUPPRESSION = "suppression"
"""Name of the step and of the list that keep an erased person from coming back."""
OTHER_MACHINES = "other machines"
"""Name under which a request is kept open while another machine has not erased in its own files."""
MOST_REASONS = 10
"""Reasons of one kind that a request lists for a store; their number follows."""
AnswerWriter = Callable[[Request, Subject, Mapping[str, tuple[ExportedTable, ...]]], bytes]
"""Returns the archive of an answer from the exported tables of each store."""


@dataclass(frozen=True)
class CaseTools:
    """What an execution works with.

    Attributes:
        stores: all stores, in the order in which they erase.
        find: returns the person of a customer id, under a reference.
        suppress: adds persons to the suppression list.
        write_answer: packs an answer.
        confirm: records that this machine has erased for a request, and returns the machines that have not yet.
    """

    stores: tuple[SubjectStore, ...]
    find: Callable[[str, str], Subject]
    suppress: Callable[[Sequence[Subject]], None]
    write_answer: AnswerWriter
    confirm: Callable[[str], Sequence[str]] = lambda _: ()


@dataclass
class Case:
    """One request while it is executed: the person, what keeps it open, and what was verified in each store."""

    request: Request
    subject: Subject
    failures: list[Failure] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    verified: dict[str, Verification] = field(default_factory=dict)


@dataclass(frozen=True)
class Execution:
    """Executes the waiting requests of one installation."""

    service: RightsService
    tools: CaseTools
    certification: Certification

    @property
    def cases(self) -> Cases:
        """The files of the cases."""
        return self.service.cases

    def run(self, only: Iterable[str] | None = None) -> list[Request]:
        """Execute the approved and the begun requests, and return each as it stands afterwards.

        A request that cannot be completed stays open; its `failures` name the store or step and the reason.

        Args:
            only: ids of the requests to execute; None executes all.

        Raises:
            RequestStoreError: the history was changed, so an approval in it may be forged.
        """
        self.service.log.store.require_sound()
        self.cases.sweep()
        wanted = None if only is None else set(only)
        waiting = [request for request in self.cases.waiting() if wanted is None or request.id in wanted]
        begun = [case for request in waiting if (case := self._begin(request)) is not None]
        erasures = [case for case in begun if case.request.right is Right.ERASURE]
        # Answers first: a person who asks for access and for erasure gets the answer.
        for case in begun:
            if case.request.right is not Right.ERASURE:
                self._carry_out(case)
                self._end(case)
        ready = [case for case in erasures if self._may_erase(case)]
        if ready:
            self._erase(ready)
        for case in erasures:
            self._end(case)
        return [self.service.request(request.id) for request in waiting]

    def _begin(self, request: Request) -> Case | None:
        """Return the case of a request, its person sealed; None if it cannot begin, which is recorded."""
        try:
            customer = self.service.customer_of(request)
            subject = self._subject(request, customer)
            if request.right is Right.ERASURE:
                self.service.holds.require_none(request, (customer, *subject.customer_ids))
            return Case(self.cases.begin(request, subject), subject)
        except RequestStateError:
            return None  # withdrawn or refused meanwhile
        except RightsRefusedError as error:
            self.cases.fail(request, [Failure(store="legal hold", reason=error.message)])
        except Exception as error:  # noqa: BLE001 - recorded: the request stays open and says why
            self.cases.fail(request, [Failure(store="look-up of the person", reason=reason_of(error))])
        return None

    def _subject(self, request: Request, customer: str) -> Subject:
        """Return the person, with what an execution before a kill had found.

        After the suppression no load brings new identifiers, and once the tables are erased only the sealed look-up
        knows them all. So then the person is not looked up again.
        """
        known = self.cases.subject(request)
        if known is not None and self.cases.has_done(request, "suppress", SUPPRESSION):
            return known
        found = replace(self.tools.find(customer, request.subject), form=request.form)
        return found if known is None else known.merged(found)

    # --- erasure

    def _may_erase(self, case: Case) -> bool:
        """Return whether every other approved request of the person is done: an answer needs the data."""
        others = [r for r in self.service.log.of_person(case.request.subject) if r.right is not Right.ERASURE]
        waiting = [r.id for r in others if r.state in (State.APPROVED, State.EXECUTING)]
        if waiting:
            reason = f"Waits for {', '.join(waiting)} of the same person, which needs the data."
            case.failures.append(Failure(store="other request", reason=reason))
        return not waiting

    def _erase(self, cases: list[Case]) -> None:
        try:
            self.tools.suppress([case.subject for case in cases])
        except Exception as error:  # noqa: BLE001 - recorded: nothing is erased that a load could bring back
            for case in cases:
                case.failures.append(Failure(store=SUPPRESSION, reason=reason_of(error)))
            return
        for case in cases:
            self.cases.record(case.request, "suppress", SUPPRESSION, Outcome.done())
        for store in self.tools.stores:
            self._erase_in(store, cases)
        for store in self.tools.stores:
            self._verify_in(store, cases)
        for case in cases:
            self._confirm(case)

    def _erase_in(self, store: SubjectStore, cases: list[Case]) -> None:
        ready = []
        for case in cases:
            blocked = [name for name in prerequisites(store) if name in case.failed]
            if blocked:
                outcome = Outcome.failed(f"Waits for {', '.join(blocked)}, which could not erase.")
                self._note(case, "erase", store, outcome)
            else:
                ready.append(case)

        def erase(subjects: Sequence[Subject]) -> Outcome:
            outcome = store.erase(subjects)
            if len(subjects) == 1 or not (outcome.counts or outcome.retained):
                return outcome
            # Numbers of one rewrite are those of all its persons; a certificate must not read as if they were of one.
            return replace(outcome, counts={**outcome.counts, "persons_together": len(subjects)})

        outcomes = _together_or_alone(ready, erase, lambda outcome: outcome.kind is OutcomeKind.FAILED, _failed)
        for case, outcome in outcomes:
            self._note(case, "erase", store, outcome)

    def _verify_in(self, store: SubjectStore, cases: list[Case]) -> None:
        for case, found in _together_or_alone(cases, store.verify, lambda v: not v.is_clean, _unverifiable):
            case.verified[store.name] = found
            for what, places in (("still found", found.residues), ("could not be verified", found.unverifiable)):
                reasons = [f"{what}: {place}"[:500] for place in places[:MOST_REASONS]]
                if len(places) > MOST_REASONS:
                    reasons.append(f"{what}: {len(places) - MOST_REASONS} more places")
                case.failures += [Failure(store=store.name, reason=reason) for reason in reasons]

    def _confirm(self, case: Case) -> None:
        """Keep a case open until every machine has erased in its own files; this one has, if nothing failed."""
        if case.failures:
            return
        try:
            missing = self.tools.confirm(case.request.id)
        except Exception as error:  # noqa: BLE001 - recorded
            case.failures.append(Failure(store=OTHER_MACHINES, reason=reason_of(error)))
            return
        for place in missing:
            reason = f"{place} has not erased in its own files yet. Run `bojagi rights execute` there."
            case.failures.append(Failure(store=OTHER_MACHINES, reason=reason[:500]))

    # --- other rights

    def _carry_out(self, case: Case) -> None:
        # An objection took effect for its purposes when it was approved; a restriction would stop every purpose.
        if case.request.right in DISCLOSING:
            self._answer(case)
        elif case.request.right is Right.RECTIFICATION:
            self._rectify(case)
        elif case.request.right is Right.RESTRICTION:
            for store in self.tools.stores:
                self._note(case, "restrict", store, _guarded(partial(store.restrict, case.subject, True)))

    def _answer(self, case: Case) -> None:
        if case.request.is_answer_ready:  # made before a kill: it is not made a second time
            return
        tables: dict[str, tuple[ExportedTable, ...]] = {}
        for store in self.tools.stores:
            try:
                tables[store.name] = tuple(store.export(case.subject))
                counts = {"tables": len(tables[store.name]), "rows": sum(len(t.rows) for t in tables[store.name])}
                self._note(case, "export", store, Outcome.done(counts))
            except Exception as error:  # noqa: BLE001 - recorded: an answer that lacks a store is not given
                self._note(case, "export", store, Outcome.failed(reason_of(error)))
        if case.failures:
            return
        try:
            self.cases.save_answer(case.request, self.tools.write_answer(case.request, case.subject, tables))
        except Exception as error:  # noqa: BLE001 - recorded
            case.failures.append(Failure(store="answer", reason=reason_of(error)))

    def _rectify(self, case: Case) -> None:
        asked = self.service.asked(case.request).corrections
        for number, one in enumerate(asked, start=1):
            correction = Correction(one.source, one.column, one.value)
            outcomes = []
            for store in self.tools.stores:
                outcomes.append(_guarded(partial(store.rectify, case.subject, correction)))
                self._note(case, f"rectify_{number}", store, outcomes[-1])
            if not any(outcome.kind is OutcomeKind.DONE for outcome in outcomes) and not case.failures:
                reason = f"No store holds the field {one.source}.{one.column} of the person."
                case.failures.append(Failure(store="rectification", reason=reason))

    # --- end

    def _note(self, case: Case, step: str, store: SubjectStore, outcome: Outcome) -> None:
        self.cases.record(case.request, step, store.name, outcome)
        if outcome.kind is OutcomeKind.FAILED:
            case.failed.add(store.name)
            case.failures.append(Failure(store=store.name, reason=outcome.reason[:500]))

    def _end(self, case: Case) -> None:
        """Complete a case without failures, with its certificate; record the failures of another one."""
        try:
            if not case.failures:
                certificate = self.certification.issue(case.request, self.cases.steps(case.request), case.verified)
                self.cases.complete(case.request, certificate)
                return
        except Exception as error:  # noqa: BLE001 - recorded
            case.failures.append(Failure(store="certificate", reason=reason_of(error)))
        if self.service.request(case.request.id).state is State.EXECUTING:
            self.cases.fail(case.request, case.failures)


def reason_of(error: Exception) -> str:
    """Return a reason without personal data: our own messages have none, those of libraries may quote a value."""
    if isinstance(error, PrivacyError | PipelineError | InstallationError):
        return str(error)[:500]
    if isinstance(error, OSError) and error.strerror:
        return f"{type(error).__name__}: {error.strerror}"
    return f"{type(error).__name__}. The log of the execution has the traceback."


def _guarded(act: Callable[[], Outcome]) -> Outcome:
    try:
        return act()
    except Exception as error:  # noqa: BLE001 - a failed outcome keeps the request open
        return _failed(reason_of(error))


def _failed(reason: str) -> Outcome:
    return Outcome.failed(reason)


def _unverifiable(reason: str) -> Verification:
    return Verification(unverifiable=(reason,))


def _together_or_alone(
    cases: Sequence[Case],
    act: Callable[[Sequence[Subject]], Result],
    is_bad: Callable[[Result], bool],
    from_error: Callable[[str], Result],
) -> Iterator[tuple[Case, Result]]:
    """Yield the result of an action for each case: for all persons together, and for each alone if that went wrong.

    So a person whom a store cannot finish does not keep the requests of others open.
    """

    def attempt(chosen: Sequence[Case]) -> Result:
        try:
            return act([case.subject for case in chosen])
        except Exception as error:  # noqa: BLE001 - becomes a result that keeps the request open
            return from_error(reason_of(error))

    if not cases:
        return
    together = attempt(cases)
    is_shared = len(cases) == 1 or not is_bad(together)
    for case in cases:
        yield case, together if is_shared else attempt([case])
