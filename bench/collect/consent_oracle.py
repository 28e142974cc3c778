"""Says which events of the random visitors may be stored: an independent evaluation, one household at a time.

Written from the text in docs/consent-at-collection.md. It imports nothing of `privacy.consent` and of the collector.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bench.collect.visitor_walk import Elsewhere, Said, Visit

WAIT = timedelta(days=3)
PURPOSES = ("analytics", "marketing")


@dataclass
class Household:
    """What one household has said so far.

    Attributes:
        is_trusted: whether consents of users are recorded.
        said: last answer and its time, by device and purpose.
        users: persons seen on each device.
        decided: last decision and its time, by person and purpose.
        stored: numbers of the stored events, in order.
        devices: devices from which an event came.
    """

    is_trusted: bool
    said: dict[tuple[str, str], tuple[bool, datetime]] = field(default_factory=dict)
    users: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    decided: dict[tuple[str, str], tuple[bool, datetime]] = field(default_factory=dict)
    objecting: set[str] = field(default_factory=set)
    waiting: list[tuple[Visit, datetime]] = field(default_factory=list)
    stored: list[int] = field(default_factory=list)
    devices: set[str] = field(default_factory=set)

    def elsewhere(self, happening: Elsewhere, now: datetime) -> None:
        """Take a decision that was made elsewhere."""
        if happening.what == "object":
            self.objecting.add(happening.person)
        else:
            self.decided[happening.person, "analytics"] = (happening.what == "give", now)

    def hear(self, visit: Visit, now: datetime) -> None:
        """Take what an event says that arrives now. All events of a request are heard before one is judged."""
        at = min(now, now - timedelta(minutes=visit.late_minutes))
        answers = {"analytics": visit.analytics, "marketing": visit.marketing}
        if visit.has_control:
            answers["marketing"] = False
        device = visit.device or visit.person or ""
        self.devices |= {visit.device} if visit.device is not None else set()
        changed: dict[str, bool] = {}
        for purpose, answer in answers.items():
            if isinstance(answer, bool):
                before = self.said.get((device, purpose))
                if before is None or self._replaces(answer, at, before):
                    self.said[device, purpose] = (answer, at)
                    if before is None or before[0] != answer:
                        changed[purpose] = before is not None
        if visit.person is not None:
            self._identified(visit, at, answers, changed)

    def judge(self, visit: Visit, now: datetime) -> None:
        """Store the event, drop it, or let it wait."""
        self.look_again(now, {visit.device or visit.person, visit.person, visit.former})
        verdict = self._verdict(visit.analytics, visit)
        if verdict is True:
            self.stored.append(visit.number)
        elif verdict is None:
            self.waiting.append((visit, now))

    def look_again(self, now: datetime, names: set[str | None] | None = None) -> None:
        """Release, delete or keep the waiting events; `names`: only those of these devices and persons."""
        kept = []
        for visit, since in self.waiting:
            if now >= since + WAIT:
                continue
            concerned = names is None or visit.device in names - {None} or visit.person in names - {None}
            verdict = self._verdict(None, visit) if concerned else None
            if verdict is True:
                self.stored.append(visit.number)
            elif verdict is None:
                kept.append((visit, since))
        self.waiting = kept

    def permits(self, person: str, purpose: str) -> bool:
        """Return whether the person permits a purpose."""
        objects = purpose == "analytics" and person in self.objecting
        return not objects and self.decided.get((person, purpose), (False,))[0]

    def _replaces(self, answer: bool, at: datetime, before: tuple[bool, datetime]) -> bool:
        if answer:
            return not before[0] and at > before[1]
        return at >= before[1]

    def _identified(self, visit: Visit, at: datetime, answers: dict[str, Said], changed: dict[str, bool]) -> None:
        person = visit.person or ""
        known = [d for d in (visit.device, visit.former if visit.kind == "alias" else None) if d is not None]
        earlier: list[tuple[str, str, bool]] = []
        for device in known:
            if person not in self.users[device]:
                self.users[device].append(person)
                earlier += [
                    (device, purpose, answer) for (name, purpose), (answer, _) in self.said.items()
                    if name == device and purpose not in changed
                ]  # fmt: skip
        for device, purpose, answer in earlier:
            self._decide(person, purpose, answer, at, is_statement=False, is_shared=len(self.users[device]) > 1)
        is_shared = visit.device is not None and len(self.users[visit.device]) > 1
        for purpose, said in answers.items():
            is_statement = visit.kind == "preference" or changed.get(purpose, False)
            if isinstance(said, bool) and (purpose in changed or is_statement):
                self._decide(person, purpose, said, at, is_statement=is_statement, is_shared=is_shared)

    def _decide(
        self, person: str, purpose: str, answer: bool, at: datetime, *, is_statement: bool, is_shared: bool
    ) -> None:
        before = self.decided.get((person, purpose))
        if answer:
            may = self.is_trusted and (is_statement or not is_shared)
            if may and (before is None or (is_statement and not before[0] and at > before[1])):
                self.decided[person, purpose] = (True, at)
        elif before is None or before[0]:
            self.decided[person, purpose] = (False, at if before is None else max(at, before[1]))

    def _verdict(self, own: Said, visit: Visit) -> bool | None:
        """Return whether an event is stored; None where nothing was decided."""
        device = visit.device or visit.person or ""
        people = [visit.person] if visit.person is not None else self.users[device]
        answer = self.said.get((device, "analytics"), (None,))[0]
        if own in (False, "?") or answer is False:
            return False
        opinions = [self._opinion(person) for person in people]
        if False in opinions:
            return False
        return True if answer or (opinions and None not in opinions) else None

    def _opinion(self, person: str) -> bool | None:
        if person in self.objecting:
            return False
        return self.decided.get((person, "analytics"), (None,))[0]
