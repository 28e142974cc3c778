"""The policy of a collected source whose contract asks for consent: which events are stored, wait or are dropped.

The rules are those of `privacy.consent.signal`. Decisions are made on what the stores know. Only where an event changes
that (a new answer, a person identified, an event that waits), the request is decided again in one transaction, so that
simultaneous requests about one visitor cannot undo each other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agent_serving.collector.person_record import NewAnswer, PersonRecords
from agent_serving.collector.policy import Decision, Outcome, StoreAll
from agent_serving.collector.received_event import ReceivedEvent
from agent_serving.collector.visitor_store import FILE, SECRET_FILE, Visitors, VisitorStore, WaitingEvent
from installation.contract.document import Contract
from installation.installation import Installation
from privacy.consent.errors import ConsentStoreReplaced
from privacy.consent.record import SUBJECT_TOKEN_KIND
from privacy.consent.signal.collection_rules import CollectionRules, read_rules
from privacy.consent.signal.decision import Verdict, device_verdict, event_verdict, followed
from privacy.consent.signal.reading import Answer, SignalReading, read_signals

DEVICE_TOKEN_KIND = "device_id"
MOST_WAITING = 1_000
"""Events that wait for one visitor; more are dropped, so that a forged visitor cannot fill the disk."""
MOST_RELEASED_BYTES = 4 << 20
"""Lines that one request or call releases, a part of what the log takes at once; the next one releases more."""
_AT_ONCE = 1_000
"""Visitors and persons that are judged in one transaction."""
_ALIAS = "alias"
_PROTOCOL = "protocol"
"""Key of the property `collection` that says nothing about consent."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    """One event with its tokens and its reading. `visitor` and `person` are tokens."""

    event: ReceivedEvent
    visitor: str | None
    person: str | None
    former: str | None
    reading: SignalReading

    @property
    def device(self) -> str | None:
        """The device whose answers the event has; of an event without a device, its person."""
        return self.visitor or self.person

    @property
    def at(self) -> datetime:
        """UTC time of the event; a client's clock cannot put it into the future."""
        return min(self.event.event_at, self.event.received_at)


class _ChangeNeeded(Exception):
    """A decision has to change a store, and is made in a transaction."""


class ConsentPolicy:
    """See `CollectionPolicy`. Threads take turns."""

    def __init__(
        self, contract: Contract, rules: CollectionRules, token: Callable[[str, str], str | None],
        visitors: Callable[[], VisitorStore], records: Callable[[], PersonRecords],
    ) -> None:  # fmt: skip
        """Open the stores. `token` returns the matching token of a kind and a value; the others open a store."""
        self._source, self._rules, self._token = contract.id, rules, token
        self._open_records, self._turn = records, threading.Lock()
        self._visitors, self._records = visitors(), records()
        self._base = self._records.base
        self._can_change = False

    def decide(self, events: Sequence[ReceivedEvent]) -> Sequence[Decision]:
        """Return one decision for each event of a request, in their order; see `CollectionPolicy.decide`."""
        arrivals = [self._arrival(event) for event in events]
        with self._turn:
            self._follow()
            with suppress(_ChangeNeeded):
                return self._decided(arrivals)
            with self._changing():
                return self._decided(arrivals)

    def settle(self, events: Sequence[ReceivedEvent], decisions: Sequence[Decision]) -> None:
        """Delete the released events, which are in the log now."""
        self.forget([line for decision in decisions for line in decision.released])

    def forget(self, lines: Sequence[bytes]) -> None:
        """Delete the waiting events with these lines."""
        with self._turn, self._visitors.changing():
            self._visitors.forget(self._visitors.digest(self._source, line) for line in lines)

    def release(self, now: datetime) -> tuple[bytes, ...]:
        """Return lines of waiting events that are permitted by now, after decisions that were made elsewhere.

        Denied and expired events are deleted. The caller appends the lines to the log and calls `forget` then, until
        there are none: a call returns about `MOST_RELEASED_BYTES` at most.
        """
        with self._turn:
            self._follow()
            self._visitors.expire(self._source, now)
            names = self._visitors.decidable(self._source, self._base)
            for first in range(0, len(names), _AT_ONCE):
                part = names[first : first + _AT_ONCE]
                with self._changing():
                    state = self._load(part, now)
                    lines = tuple(line for name in part for line in self._released(state, name))
                if lines:
                    return lines
        return ()

    def close(self) -> None:
        """Close the stores."""
        with self._turn:
            self._visitors.close()
            self._records.close()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._visitors.changing():
            self._can_change = True
            try:
                yield
            finally:
                self._can_change = False

    def _follow(self) -> None:
        self._visitors.follow()
        try:
            self._records.refresh()
        except ConsentStoreReplaced:
            self._records.close()
            self._records = self._open_records()

    def _arrival(self, event: ReceivedEvent) -> _Arrival:
        def token(kind: str, value: str | None) -> str | None:
            return None if value is None else self._token(kind, value)

        former = event.previous_id if event.type == _ALIAS else None
        return _Arrival(
            event, token(DEVICE_TOKEN_KIND, event.anonymous_id), token(SUBJECT_TOKEN_KIND, event.user_id),
            token(DEVICE_TOKEN_KIND, former), read_signals(event.message, event.headers.sec_gpc, self._rules),
        )  # fmt: skip

    def _decided(self, arrivals: Sequence[_Arrival]) -> list[Decision]:
        now = max((arrival.event.received_at for arrival in arrivals), default=datetime.now(UTC))
        names = {name for a in arrivals for name in (a.visitor, a.person, a.former) if name is not None}
        state = self._load(names, now)
        # All answers of the request first: an event that was sent together with a refusal is not stored before it.
        for arrival in arrivals:
            self._take_person(state, arrival, self._take_answers(state, arrival))
        self._records.store()
        self._records.decide({person for arrival in arrivals for person in _persons(state, arrival)})
        return [self._decision(state, arrival) for arrival in arrivals]

    def _load(self, names: Sequence[str] | set[str], now: datetime) -> Visitors:
        return self._visitors.load(self._source, names, now - timedelta(days=self._rules.answer_days), now)

    def _decision(self, state: Visitors, arrival: _Arrival) -> Decision:
        released = tuple(
            line
            for name in dict.fromkeys(filter(None, (arrival.visitor, arrival.person, arrival.former)))
            for line in self._released(state, name)
        )
        own = arrival.reading.answers.get(self._base) if self._base is not None else None
        verdict = self._verdict(state, own, arrival.visitor, arrival.person)
        if verdict is Verdict.PERMITTED:
            return Decision(Outcome.STORE, "consent", released)
        if verdict is Verdict.DENIED:
            return Decision(Outcome.DROP, _reason(own, arrival.reading, self._base, self._rules), released)
        if self._rules.undecided == "drop" or arrival.device is None:
            return Decision(Outcome.DROP, "no_decision", released)
        if len(state.waiting[arrival.device]) >= MOST_WAITING:
            return Decision(Outcome.DROP, "too_many_wait", released)
        self._wait(state, arrival)
        return Decision(Outcome.WAIT, "no_decision", released)

    def _take_answers(self, state: Visitors, arrival: _Arrival) -> dict[str, bool]:
        """Store the new answers of the device. Return the changed purposes, and whether another answer was before."""
        changed: dict[str, bool] = {}
        if arrival.device is None:
            return changed
        for purpose, answer in arrival.reading.answers.items():
            before = state.answers.get((arrival.device, purpose))
            after = followed(before, answer, arrival.at)
            if after is None:
                continue
            self._require_change()
            self._visitors.set_answer(arrival.device, purpose, after)
            state.answers[arrival.device, purpose] = after
            if before is None or before.answer is not answer:
                changed[purpose] = before is not None
        return changed

    def _take_person(self, state: Visitors, arrival: _Arrival, changed: dict[str, bool]) -> None:
        """Note who was identified, and record the person's new answers, and those that the device had before.

        On a device with several persons, nobody knows whose consent an earlier answer is, so only a statement counts.
        """
        if arrival.person is None:
            return
        for device in filter(None, (arrival.visitor, arrival.former)):
            if arrival.person in state.persons[device]:
                continue
            self._require_change()
            self._visitors.identify(device, arrival.person, arrival.at)
            state.persons[device].add(arrival.person)
            for (name, purpose), found in list(state.answers.items()):
                if name == device and purpose not in changed:
                    is_shared = len(state.persons[device]) > 1
                    self._record(arrival, purpose, found.answer, is_statement=False, is_shared=is_shared)
        for purpose, answer in arrival.reading.answers.items():
            is_statement = arrival.reading.is_statement or changed.get(purpose, False)
            if purpose in changed or is_statement:
                is_shared = len(state.persons[arrival.visitor or ""]) > 1
                self._record(arrival, purpose, answer, is_statement=is_statement, is_shared=is_shared)

    def _record(self, arrival: _Arrival, purpose: str, answer: Answer, *, is_statement: bool, is_shared: bool) -> None:
        if arrival.person is None or (answer is Answer.GIVEN and is_shared and not is_statement):
            return
        method = f"collector: {', '.join(arrival.reading.formats) or 'earlier answer of the device'}"
        said = NewAnswer(purpose, answer, arrival.at, is_statement, method, arrival.reading.evidence or None)
        if self._records.is_due(arrival.person, said):
            self._require_change()
            self._records.record(arrival.person, said)

    def _verdict(self, state: Visitors, own: Answer | None, visitor: str | None, person: str | None) -> Verdict:
        device = visitor or person
        persons = {person} if person is not None else state.persons.get(visitor or "", set())
        answered = None if self._base is None or device is None else state.answers.get((device, self._base))
        answer = device_verdict(answered)
        # A purpose that rests on no consent is denied by objections and restrictions only.
        if self._base is None or (device is None and own is Answer.GIVEN):
            answer = Verdict.PERMITTED
        return event_verdict(own, answer, [self._records.verdict(one) for one in persons])

    def _released(self, state: Visitors, name: str) -> list[bytes]:
        """Return permitted lines that wait for a visitor or person, and delete the denied ones."""
        lines = []
        for event in list(state.waiting.get(name, {}).values()):
            verdict = self._verdict(state, None, event.visitor, event.person)
            if verdict is Verdict.UNDECIDED:
                continue
            if verdict is Verdict.DENIED:
                self._require_change()
                self._visitors.forget([event.digest])
            elif state.released_bytes >= MOST_RELEASED_BYTES:
                break
            elif (line := self._visitors.line(event.digest)) is not None:
                lines.append(line)
                state.released_bytes += len(line)
            state.remove_waiting(event)
        return lines

    def _wait(self, state: Visitors, arrival: _Arrival) -> None:
        self._require_change()
        event, received_at = arrival.event, arrival.event.received_at
        waiting = WaitingEvent(self._visitors.digest(self._source, event.line), arrival.visitor, arrival.person)
        expires_at = received_at + timedelta(days=self._rules.wait_days)
        self._visitors.wait(self._source, waiting, event.line, received_at, expires_at)
        state.add_waiting(waiting)

    def _require_change(self) -> None:
        if not self._can_change:
            raise _ChangeNeeded


def _persons(state: Visitors, arrival: _Arrival) -> set[str]:
    """Return the persons whose consents decide on an event: its own, else those who are known on the device."""
    return {arrival.person} if arrival.person is not None else state.persons.get(arrival.visitor or "", set())


def open_policy(installation: Installation, contract: Contract) -> ConsentPolicy | StoreAll:
    """Return the policy of a collected source.

    Raises:
        RuleError: the contract's property `collection` has a fault.
    """
    stated = {key: value for key, value in contract.collection.items() if key != _PROTOCOL}
    if not stated:
        return StoreAll()
    rules = read_rules(stated, installation.policy.taxonomy)
    secret = installation.open_key(SECRET_FILE)
    place = installation.server or installation.settings.data_dir / FILE
    return ConsentPolicy(
        contract, rules, installation.tokenizer.token, lambda: VisitorStore(place, secret),
        lambda: PersonRecords(installation, contract, rules),
    )  # fmt: skip


def _reason(own: Answer | None, reading: SignalReading, base: str | None, rules: CollectionRules) -> str:
    if own is Answer.UNREADABLE:
        return "unreadable"
    if own is Answer.REFUSED and reading.refuses_by_control and base in rules.privacy_control:
        return "privacy_control"
    return "refused"
