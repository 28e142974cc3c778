"""The service of rollouts: creates, serves, counts, judges and stops. Commands, Dagster and HTTP add no rule."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from features.experiment.assignment import point_of
from features.experiment.store import FILE as EXPERIMENT_FILE
from features.experiment.store import STORE as EXPERIMENT_STORE
from features.experiment.store import ExperimentStore
from features.retrieval.answer import Caller
from features.rollout.call_counter import CallCounter, Key
from features.rollout.definition import CALLS, ERROR, SLOW, Rollout, StageKind, read_rollout
from features.rollout.errors import RolloutDefinitionError, RolloutStateError
from features.rollout.judgement import LATE, Action, Finding, Judgement, find, judge, look_of
from features.rollout.store import FILE, STORE, RolloutStore, State, Step
from installation.installation import Installation
from privacy.access.errors import AccessRefused
from privacy.audit import AuditEntry, AuditError, loggable
from privacy.storage.database import is_unwritten

FRESH_SECONDS = 0.5
"""A process looks so often which versions are served, so that each serves the rolled-back one within a second."""


@dataclass(frozen=True)
class Serving:
    """The version that answers a request, and the one that answers it in shadow; None without one."""

    version: str
    shadow_version: str | None = None


@dataclass(frozen=True)
class Report:
    """A rollout: its steps, the newest last, and what is known about its guardrails. `judgement`: while it runs."""

    steps: tuple[Step, ...]
    at: datetime
    findings: tuple[Finding, ...]
    judgement: Judgement | None


_AUTOMATIC = Caller("bojagi rollout", "pipeline")


class Rollouts:
    """The rollouts of one installation. Safe under threads; a service keeps one object and closes it at the end."""

    def __init__(self, installation: Installation, seconds: Callable[[], float] = time.monotonic) -> None:
        """`seconds`: the time by which it is decided whether to look again which versions are served."""
        self._installation, self._seconds = installation, seconds
        self._counter = CallCounter(self._store_counts, self._judge_once_a_look)
        self._seen: tuple[float, dict[str, Step]] | None = None
        self._judged: datetime | None = None

    def create(self, text: str, caller: Caller, *, replaces: bool = False) -> Rollout:
        """Begin the rollout of a YAML document at its first stage; with `replaces`, instead of the one of its name.

        Raises:
            RolloutDefinitionError: the document is no definition, names an unknown purpose, or `old` is not what is
                served now.
            RolloutStateError: the name is taken, or another rollout of the subject runs.
            AccessRefused: the role may not use the purpose.
            AuditError: it cannot be logged; nothing was changed.
        """
        rollout = read_rollout(text)
        if rollout.purpose not in (known := self._installation.policy.purposes):
            expected = f"{rollout.purpose!r} is no purpose; expected one of {', '.join(known)}"
            raise RolloutDefinitionError("purpose", expected)
        self._require_purpose(rollout, "create", caller)
        if rollout.name in self._experiments():
            raise RolloutStateError(f"There is an experiment {rollout.name!r}; choose another name.")
        with self._store() as store, store.changing():
            newest = store.newest()
            former = next((one for one in newest if one.rollout.name == rollout.name), None)
            decides = next((one for one in reversed(newest) if one.rollout.subject == rollout.subject), None)
            if former is not None and not replaces:
                raise RolloutStateError(f"There is a rollout {rollout.name!r} already; choose a name, or replace it.")
            if former is not None and former.rollout.subject != rollout.subject:
                raise RolloutStateError(f"The rollout {rollout.name!r} is of {former.rollout.subject}; choose a name.")
            if decides is not None and decides.state is State.RUNNING and decides.rollout.name != rollout.name:
                raise RolloutStateError(
                    f"The rollout {decides.rollout.name!r} of {rollout.subject} runs; stop it first."
                )
            if decides is not None and (served := _served(decides)) != rollout.old:
                raise RolloutDefinitionError("old", f"{rollout.subject} is served by {served} now")
            store.add(rollout, None, 0, State.RUNNING, "created", self._installation.clock())
            self._log(rollout, "create", caller, f"{rollout.old} to {rollout.new}")
        return rollout

    def stop(self, name: str, reason: str, caller: Caller) -> None:
        """Serve the old version to everyone again, and end the rollout.

        Raises:
            UnknownRolloutError: there is none.
            RolloutStateError: it is stopped already, or a later rollout decides what is served.
            AccessRefused: the role may not use the purpose.
            AuditError: it cannot be logged; nothing was changed.
        """
        with self._store() as store, store.changing():
            step = store.steps(name)[-1]
            self._require_purpose(step.rollout, "stop", caller)
            if step.state is State.STOPPED:
                raise RolloutStateError(f"The rollout {name!r} is stopped already: {step.reason}.")
            decides = next(one for one in reversed(store.newest()) if one.rollout.subject == step.rollout.subject)
            if decides.rollout.name != name:
                raise RolloutStateError(f"The rollout {decides.rollout.name!r} decides what is served; stop that one.")
            store.add(step.rollout, step.attempt, step.stage, State.STOPPED, reason, self._installation.clock())
            self._log(step.rollout, "stop", caller, reason)

    def serving(self, subject: str, customer: str | None) -> Serving | None:
        """Return which version serves a customer; None if no rollout has ever been of the subject.

        A customer who was served by a canary stays with it while its share grows. `customer`: None for a request that
        no customer is known for; a canary does not serve it. At most half a second old.

        Raises:
            DATABASE_ERRORS: it cannot be read which version is served.
        """
        step = self._deciding().get(subject)
        if step is None:
            return None
        rollout = step.rollout
        if step.state is not State.RUNNING:
            return Serving(_served(step))
        if rollout.stages[step.stage].kind is StageKind.SHADOW:
            return Serving(rollout.old, rollout.new)
        share = rollout.share(step.stage)
        takes = share == 1 or (customer is not None and point_of(rollout.name, customer) < share)
        return Serving(rollout.new if takes else rollout.old)

    def record(
        self,
        subject: str,
        version: str,
        calls: int = 1,
        errors: int = 0,
        seconds: Iterable[float] = (),
        *,
        customer: str | None = None,
        is_shadow: bool = False,
        counts: Mapping[str, int] | None = None,
    ) -> None:
        """Count calls of a version while a rollout of the subject runs; returns at once.

        Args:
            subject: what was served.
            version: the version that answered.
            calls: number of calls.
            errors: how many of them failed.
            seconds: how long each took.
            customer: whose calls they are. The customer then counts as one call, one error and so on in a look, because
                failures that one person meets again and again are one fault. The id is not stored.
            is_shadow: whether the answer was not used.
            counts: in how many calls something else happened, such as a click, or a difference in shadow.
        """
        step = self._deciding().get(subject)
        if step is None or step.state is not State.RUNNING or version not in (step.rollout.old, step.rollout.new):
            return
        limits = [one.above_seconds for one in step.rollout.guardrails if one.above_seconds is not None]
        slow = sum(one > limit for limit in limits for one in seconds)
        look = look_of(self._installation.clock().astimezone(UTC))
        found = {CALLS: calls, ERROR: errors, SLOW: slow, **(counts or {})}
        keyed = Counter({(look, version, is_shadow, name): n for name, n in found.items() if n})
        self._counter.add(step.attempt, look, keyed, customer)

    def flush(self) -> None:
        """Store what was counted, and judge if a look has ended since the last time."""
        self._counter.flush()

    def close(self) -> None:
        """Store what was counted."""
        self._counter.close()

    def judge(self) -> list[tuple[Step, Judgement]]:
        """Judge every running rollout, and do what the judgement says. Any number of processes may judge.

        Raises:
            AuditError: a step was done and cannot be logged.
        """
        now = self._installation.clock().astimezone(UTC)
        self._judged = look_of(now - LATE)
        if not self._exists:
            return []
        with self._store() as store:
            running = [one for one in store.newest() if one.state is State.RUNNING]
            found = [(step, judge(step, store.counts(step.attempt), now)) for step in running]
            for step, judgement in found:
                self._apply(store, step, judgement, now)
        return found

    def state(self) -> list[tuple[Step, Judgement | None]]:
        """Return the newest step of each rollout, with the judgement if it runs. Changes nothing."""
        if not self._exists:
            return []
        now = self._installation.clock().astimezone(UTC)
        with self._store() as store:
            return [
                (one, judge(one, store.counts(one.attempt), now) if one.state is State.RUNNING else None)
                for one in store.newest()
            ]

    def report(self, name: str, caller: Caller) -> Report:
        """Return the steps of a rollout and what is known about its guardrails.

        Raises:
            UnknownRolloutError: there is none.
            AccessRefused: the role may not use the purpose.
        """
        now = self._installation.clock().astimezone(UTC)
        with self._store() as store:
            steps = store.steps(name)
            self._require_purpose(steps[-1].rollout, "report", caller)
            counts = store.counts(steps[-1].attempt)
        newest = steps[-1]
        judgement = judge(newest, counts, now) if newest.state is State.RUNNING else None
        last = next(one for one in reversed(steps) if one.state is State.RUNNING)
        findings = find(newest.rollout, counts, look_of(last.at)) if judgement is None else judgement.findings
        return Report(tuple(steps), now, findings, judgement)

    def _apply(self, store: RolloutStore, step: Step, judgement: Judgement, now: datetime) -> None:
        if judgement.action not in (Action.ADVANCE, Action.ROLL_BACK):
            return
        stage, state = step.stage, State.ROLLED_BACK
        if judgement.action is Action.ADVANCE:
            is_last = step.stage == len(step.rollout.stages) - 1
            stage, state = (stage, State.FINISHED) if is_last else (stage + 1, State.RUNNING)
        fault = None
        with store.changing():
            if store.steps(step.rollout.name)[-1].number != step.number:
                return  # another process was faster
            store.add(step.rollout, step.attempt, stage, state, judgement.reason, now)
            try:
                self._log(step.rollout, judgement.action.value.replace(" ", "_"), _AUTOMATIC, judgement.reason)
            except AuditError as error:
                # A version that fails is rolled back also while the audit log cannot be written.
                fault = error
        if fault is not None:
            raise fault

    def _judge_once_a_look(self) -> None:
        if self._judged != look_of(self._installation.clock().astimezone(UTC) - LATE):
            self.judge()

    def _store_counts(self, attempt: int, counts: Counter[Key]) -> None:
        with self._store() as store:
            store.count(attempt, counts)

    def _deciding(self) -> dict[str, Step]:
        """Return the step that decides what is served, by subject."""
        now, seen = self._seconds(), self._seen
        if seen is not None and now - seen[0] < FRESH_SECONDS:
            return seen[1]
        found: dict[str, Step] = {}
        if self._exists:
            with self._store() as store:
                found = {one.rollout.subject: one for one in store.newest()}
        self._seen = (now, found)
        return found

    @contextmanager
    def _store(self) -> Iterator[RolloutStore]:
        with closing(RolloutStore(self._installation.server or self._installation.settings.data_dir / FILE)) as store:
            yield store

    @property
    def _exists(self) -> bool:
        return not is_unwritten(self._installation.server or self._installation.settings.data_dir / FILE, STORE)

    def _experiments(self) -> list[str]:
        place = self._installation.server or self._installation.settings.data_dir / EXPERIMENT_FILE
        if is_unwritten(place, EXPERIMENT_STORE):
            return []
        with closing(ExperimentStore(place)) as store:
            return store.names()

    def _require_purpose(self, rollout: Rollout, action: str, caller: Caller) -> None:
        """Check that the caller may use the purpose; a refusal is logged."""
        purposes = self._installation.roles[caller.role].purposes
        if rollout.purpose in purposes and (caller.purposes is None or rollout.purpose in caller.purposes):
            return
        error = AccessRefused(
            f"The role {caller.role} may not {action} a rollout for {rollout.purpose}; its purposes are "
            f"{', '.join(purposes) or 'none'}."
        )
        self._log(rollout, action, caller, str(error), outcome="refused")
        raise error

    def _log(self, rollout: Rollout, action: str, caller: Caller, reason: str, outcome: str = "allowed") -> None:
        entry = AuditEntry(
            at=self._installation.clock(), who=loggable(caller.name, 200), role=loggable(caller.role, 100),
            purpose=rollout.purpose, action=f"rollout.{action}", table=f"rollout/{rollout.name}", outcome=outcome,
            reason=loggable(reason, 500), identity=caller.identity,
        )  # fmt: skip
        self._installation.audit_log.append(entry)


def _served(step: Step) -> str:
    """Return the version that serves everyone whom no canary serves."""
    if step.state is State.FINISHED:
        return step.rollout.new
    is_switched = step.state is State.RUNNING and step.rollout.share(step.stage) == 1
    return step.rollout.new if is_switched else step.rollout.old
