"""Sends random visitors through the policy of a source, on real stores, and compares with another evaluation."""

from __future__ import annotations

import itertools
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from agent_serving.collector.consent_policy import ConsentPolicy, open_policy
from agent_serving.collector.policy import Outcome
from agent_serving.collector.received_event import ReceivedEvent, SignalHeaders
from bench.collect.consent_oracle import PURPOSES, WAIT, Household
from bench.collect.visitor_walk import Elsewhere, Visit, draw_household
from installation.contract.document import Contracts, load_contracts
from installation.installation import Installation
from installation.settings import load_settings
from privacy.consent.record import SUBJECT_TOKEN_KIND
from privacy.consent.service import ConsentService, Statement, Terms

SOURCE = "source.tracked_event"
NOTICE = {"version": "banner-1", "asked": "separately", "leastAge": 14}
RULES = {
    "purpose": "analytics", "undecided": "wait", "waitDays": 3, "notice": NOTICE,
    "categories": {"Analytics": ["analytics"], "Advertising": ["marketing"]},
}  # fmt: skip
START = datetime(2026, 3, 2, 3, tzinfo=UTC)
_AT_ONCE = 200
"""Households that walk side by side; an SDK's batch has about as many events."""


@dataclass
class Clock:
    """A clock that goes on by a microsecond at each look."""

    now: datetime = START

    def __call__(self) -> datetime:
        """Return the time."""
        self.now += timedelta(microseconds=1)
        return self.now


@dataclass
class Comparison:
    """What was compared.

    Attributes:
        visitors: devices.
        unpermitted: events that were stored though the evaluation does not permit it.
        missing: events that it permits and that were not stored, or stored twice.
        verdicts: persons and purposes for which the consent record and the evaluation differ.
    """

    visitors: int = 0
    stored: int = 0
    released: int = 0
    recorded: int = 0
    seconds: float = 0.0
    unpermitted: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    verdicts: list[tuple[str, str]] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not self.unpermitted and not self.missing and not self.verdicts


def compare(folder: Path, visitors: int, seed: int, user_ids: Literal["trusted", "claimed"] = "trusted") -> Comparison:
    """Return the comparison of random visitors (devices), at least as many as named."""
    clock, found = Clock(), Comparison()
    settings = load_settings(data_dir=folder / "data", secret_dir=folder / "secret")
    with Installation(settings, clock) as installation:
        installation.__dict__["contracts"] = contracts()  # reading them takes longer than a short walk
        rules = {"protocol": "segment", "userIds": user_ids, **RULES}
        policy = open_policy(installation, replace(contracts()[SOURCE], collection=rules))
        assert isinstance(policy, ConsentPolicy)
        walk = _Walk(installation, policy, clock, found, is_trusted=user_ids == "trusted")
        for first in itertools.count(0, _AT_ONCE):
            if found.visitors >= visitors:
                break
            walk.run(range(first, first + min(_AT_ONCE, visitors)), random.Random(f"{seed}-{first}"))
        policy.close()
    return found


def compare_apart(visitors: int, seed: int, user_ids: Literal["trusted", "claimed"]) -> Comparison:
    """Return the comparison in a folder of its own: in memory if there is such a place, since flushes take long."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        found = compare(Path(folder), visitors, seed, user_ids)
    found.seconds = time.perf_counter() - started
    return found


@cache
def contracts() -> Contracts:
    """Return the built-in contracts."""
    return load_contracts()


@dataclass
class _Walk:
    installation: Installation
    policy: ConsentPolicy
    clock: Clock
    found: Comparison
    is_trusted: bool
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(0, 1 << 40, 100)))

    def run(self, numbers: range, draw: random.Random) -> None:
        houses = {number: Household(self.is_trusted) for number in numbers}
        walks = {number: draw_household(number, draw, next(self.numbers)) for number in numbers}
        service, stored = self.installation.consent_service(), list[int]()
        for rounds in zip(*walks.values(), strict=True):
            self.clock.now += timedelta(hours=draw.uniform(1, 40))
            for house, happenings in zip(houses.values(), rounds, strict=True):
                for one in happenings:
                    if isinstance(one, Elsewhere):
                        house.elsewhere(one, self._decide_elsewhere(service, one))
            self.clock.now += timedelta(minutes=5)
            now = self.clock()
            arrived = [(house, v) for house, vs in zip(houses.values(), rounds, strict=True) for v in vs]
            visits = [(house, visit) for house, visit in arrived if isinstance(visit, Visit)]
            self._send([visit for _, visit in visits], now, stored)
            for house, visit in visits:
                house.hear(visit, now)
            for house, visit in visits:
                house.judge(visit, now)
            if draw.random() < 0.5:
                self._release(houses, now, stored)
        self._release(houses, self.clock(), stored)
        self.clock.now += WAIT  # what still waits expires, so that the next households do not meet it
        self._release(houses, self.clock(), stored)
        self._compare(houses, stored, service)

    def _release(self, houses: dict[int, Household], now: datetime, stored: list[int]) -> None:
        while lines := self.policy.release(now):
            self.policy.forget(lines)
            stored += map(_number, lines)
            self.found.released += len(lines)
        for house in houses.values():
            house.look_again(now)

    def _send(self, visits: list[Visit], now: datetime, stored: list[int]) -> None:
        events = [_event(visit, now) for visit in visits]
        decisions = self.policy.decide(events)
        self.policy.settle(events, decisions)
        for visit, decision in zip(visits, decisions, strict=True):
            stored += map(_number, decision.released)
            self.found.released += len(decision.released)
            if decision.outcome is Outcome.STORE:
                stored.append(visit.number)

    def _decide_elsewhere(self, service: ConsentService, happening: Elsewhere) -> datetime:
        token = self.installation.tokenizer.token(SUBJECT_TOKEN_KIND, happening.person)
        assert token is not None
        now = self.clock()
        statement = Statement("portal", service.time_now() if happening.what == "object" else _wall(service, now))
        if happening.what == "give":
            service.take_in(service.consents([token], "analytics", Terms("portal-1", age_years=30), statement))
        elif happening.what == "withdraw":
            service.take_in([service.withdrawal(token, "analytics", statement)])
        else:
            known = replace(service, is_known_customer=lambda _: True)
            known.object(token, "analytics", statement, "KR")
        return now

    def _compare(self, houses: dict[int, Household], stored: list[int], service: ConsentService) -> None:
        expected = {number for house in houses.values() for number in house.stored}
        found = self.found
        found.visitors += len({device for house in houses.values() for device in house.devices})
        found.stored += len(stored)
        found.unpermitted += sorted(set(stored) - expected)
        found.missing += sorted(expected - set(stored))
        found.missing += [number for number, count in Counter(stored).items() if count > 1]
        live = self.installation.live_decisions
        live.refresh()
        at = service.decision_moment()
        for house in houses.values():
            for person in sorted({p for p, _ in house.decided} | house.objecting):
                token = str(self.installation.tokenizer.token(SUBJECT_TOKEN_KIND, person))
                for purpose in PURPOSES:
                    found.recorded += 1
                    if live.is_permitted(token, purpose, at) != house.permits(person, purpose):
                        found.verdicts.append((person, purpose))


def _wall(service: ConsentService, now: datetime) -> datetime:
    return now.astimezone(ZoneInfo(service.time_zone)).replace(tzinfo=None)


def _event(visit: Visit, now: datetime) -> ReceivedEvent:
    at = now - timedelta(minutes=visit.late_minutes)
    line = f'{{"messageId":"{visit.number}"}}'.encode()
    headers = SignalHeaders("1" if visit.has_control else None)
    former = visit.former if visit.kind == "alias" else None
    message, name = visit.message, str(visit.number)
    return ReceivedEvent(
        message["type"], name, visit.device, visit.person, former, at, now, message, headers, {}, line
    )  # fmt: skip


def _number(line: bytes) -> int:
    return int(line.split(b'"')[3])
