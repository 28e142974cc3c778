"""Random look-ups, each judged by an independent evaluation of consent, purposes, freshness and stored values.

A look-up is one customer, feature, purpose and moment of the shop's clock. The consents are random histories that go on
while the reader is open; the plain evaluation of `tests/privacy/consent/oracle.py` judges them. Parts of the reader
fail at random, before or after their work. The body takes any `retrieve`, so it also judges a reader behind HTTP.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from features.errors import FeatureError
from features.retrieval.answer import Caller, FeatureAnswer
from features.retrieval.reader import FeatureReader
from privacy.access.errors import AccessRefused
from privacy.consent.record import ConsentRecord
from tests.features.retrieval.feature_shop import AGENT, FEATURES, OFFICER, PURPOSES, SERVICE, FeatureShop, value_of
from tests.privacy.consent.history import CONTROLLER, moment, random_membership, random_records
from tests.privacy.consent.oracle import Oracle

Retrieve = Callable[[Sequence[str], str, str, Caller], FeatureAnswer]
CALLERS = {
    OFFICER: frozenset({"service_delivery", "legal_records", "identity_resolution", "quality_assurance", "analytics",
                        "personalisation", "marketing", "research"}),
    AGENT: frozenset({"service_delivery", "personalisation"}),
}  # fmt: skip
"""The callers and the purposes of their roles, as role.yaml states them."""
UNREADABLE = {(AGENT, "trade:income")}
"""Features whose data category the role may not read."""
CHANGING = 0.02
"""Share of the calls before which the consent record changes."""


@dataclass
class Judgement:
    """What happened to the look-ups. `leaks` are values that left and must not have; `faults` are other errors."""

    outcomes: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def lookups(self) -> int:
        """Number of look-ups."""
        return self.outcomes.total()


@dataclass
class FailingParts:
    """Makes the parts of a reader fail at random with a share of the calls."""

    share: float
    rng: np.random.Generator
    failed: list[str] = field(default_factory=list)

    def wrap(self, reader: FeatureReader) -> None:
        """Let the parts of a reader fail."""
        for name, method in (("_store", "select"), ("_consent", "denials"), ("_audit", "append")):
            setattr(reader, name, _Failing(getattr(reader, name), method, self))


class _Failing:
    def __init__(self, part: Any, method: str, failing: FailingParts) -> None:
        self._part, self._method, self._failing = part, method, failing

    def __getattr__(self, name: str) -> Any:
        whole = getattr(self._part, name)
        if name != self._method:
            return whole

        def call(*values: Any) -> Any:
            kind = self._failing.rng.random() / self._failing.share if self._failing.share else 1.0
            if kind < 0.5:
                self._fail()
            found = whole(*values)
            if kind < 1:
                self._fail()
            return found

        return call

    def _fail(self) -> None:
        self._failing.failed.append(self._method)
        raise OSError(f"{self._method} fails")


class Market:
    """A shop with random consents, merged and divided customers, and stored features of most customers."""

    def __init__(self, folder: Path, subjects: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.shop = FeatureShop(folder)
        self.subjects, self._changes = subjects, 0
        self._live: list[FeatureReader] = []
        self._rows: list[dict[str, Any]] = []
        self._membership: list[dict[str, Any]] = []
        self._say(random_records(self.rng, subjects, 6), random_membership(self.rng, subjects))
        self.customers = [f"{kind}_{i}" for kind in "sc" for i in range(subjects)] + [f"unknown_{i}" for i in range(9)]
        self.stored: dict[tuple[str, str], datetime] = {}
        for view in ("taste", "trade"):
            for _ in range(4):
                at = moment(self.rng)
                chosen = [c for c in self.customers if self.rng.random() < 0.22]
                self.shop.store(chosen, [view], at)
                for customer in chosen:
                    known = self.stored.get((customer, view), at)
                    self.stored[customer, view] = max(at, known)

    def _say(self, rows: Iterable[dict[str, Any]], membership: list[dict[str, Any]]) -> None:
        """Add statements and memberships to the consent record and to the independent evaluation."""
        said = [(row, record) for row in rows if (record := _record(row)) is not None]
        self.shop.consents.append(record for _, record in said)
        self.shop.consents.assign_all((r["subject_id"], r["customer_id"], r["from_at"]) for r in membership)
        self._rows += [row for row, _ in said]
        self._membership += membership
        self.oracle = Oracle(self._rows, self._membership, CONTROLLER)
        by_time = sorted(self._membership, key=lambda row: row["from_at"])
        owner = {row["subject_id"]: row["customer_id"] for row in by_time}
        self.former = {row["customer_id"] for row in by_time} - set(owner.values()) - {None}
        for reader in self._live:
            reader._consent.refresh()

    def _change(self) -> None:
        """Let one source person say something new, and now and then belong to another customer."""
        self._changes += 1
        number = int(self.rng.integers(self.subjects))
        names = {"subject_id": f"s_{number}"}
        rows = [
            row | names | {name: f"{row[name]}_{self._changes}" for name in ("record_id", "supersedes") if row[name]}
            for row in random_records(self.rng, 1, 2)
        ]
        # No two memberships of one person begin at one moment.
        at = moment(self.rng) + timedelta(microseconds=self._changes)
        owner = f"c_{(number // 2) * 2 + int(self.rng.integers(2))}"
        moves = [names | {"customer_id": owner, "from_at": at}] if self.rng.random() < 0.3 else []
        self._say(rows, moves)

    @contextmanager
    def reader(self, failing_share: float) -> Iterator[tuple[FeatureReader, FailingParts]]:
        """Yield a reader whose parts fail at random."""
        failing = FailingParts(failing_share, self.rng)
        with self.shop.open() as reader:
            failing.wrap(reader)
            self._live.append(reader)
            yield reader, failing
            self._live.remove(reader)

    def judge(self, retrieve: Retrieve, lookups: int, failing: FailingParts | None = None) -> Judgement:
        """Return what happened to so many random look-ups.

        Args:
            retrieve: as `FeatureReader.retrieve`. It raises `FeatureError` when it fails, `AccessRefused` when refused.
            lookups: at least so many.
            failing: the parts that fail; a call in which one has failed must raise. None if `retrieve` tries again.
        """
        judged = Judgement()
        grid = [moment(self.rng) for _ in range(2000)]
        while judged.lookups < lookups:
            if self.rng.random() < CHANGING:
                self._change()
            self.shop.moment = grid[self.rng.integers(len(grid))]
            purpose = PURPOSES[self.rng.integers(len(PURPOSES))]
            caller = OFFICER if self.rng.random() < 0.7 else AGENT
            asked = [self.customers[i] for i in self.rng.integers(0, len(self.customers), self.rng.integers(1, 60))]
            failed_before = len(failing.failed) if failing else 0
            try:
                found = retrieve(asked, SERVICE, purpose, caller)
            except AccessRefused:
                judged.outcomes["refused"] += len(asked) * len(FEATURES)
                if purpose in CALLERS[caller]:
                    judged.faults.append(f"refused {purpose} to {caller.role}")
                continue
            except FeatureError:
                judged.outcomes["failed"] += len(asked) * len(FEATURES)
                continue
            if failing and len(failing.failed) > failed_before:
                judged.leaks.append(f"an answer although {failing.failed[-1]} failed")
            self._judge_answer(judged, asked, found, purpose, caller)
        return judged

    def _judge_answer(
        self, judged: Judgement, asked: list[str], found: FeatureAnswer, purpose: str, caller: Caller
    ) -> None:
        if [row.customer_id for row in found.customers] != asked or set(found.features) != set(FEATURES):
            judged.faults.append("other customers or features than asked for")
        permits = {customer: self.oracle.permitted(customer, purpose, self.shop.moment) for customer in set(asked)}
        for customer, feature, value, reason in found.values():
            judged.outcomes["released" if reason is None else str(reason)] += 1
            about = f"{customer} {feature} {purpose} {self.shop.moment} {caller.role}: {reason}"
            is_allowed = purpose in CALLERS[caller] and self._may_leave(customer, feature, purpose, caller)
            is_allowed = is_allowed and permits[customer]
            if not is_allowed and (reason is None or value is not None):
                judged.leaks.append(about)
            if is_allowed and (reason is not None or value != value_of(customer, feature)):
                judged.faults.append(about)

    def _may_leave(self, customer: str, feature: str, purpose: str, caller: Caller) -> bool:
        """Return whether everything but the customer's consent allows that the value leaves."""
        purposes, fresh = FEATURES[feature]
        at = self.stored.get((customer, feature.partition(":")[0]))
        if at is None or purpose not in purposes or (caller, feature) in UNREADABLE or customer in self.former:
            return False
        return fresh is None or self.shop.moment - at <= fresh


def _record(row: dict[str, Any]) -> ConsentRecord | None:
    """Return a random record; None where the random content is none that a record may have."""
    categories = tuple(name.strip() for name in row["data_categories"].split(",") if name.strip())
    fixed = {"notice_version": "1", "notice_language": "ko", "method": "web_form", "evidence_hash": "0" * 64}
    try:
        return ConsentRecord(**row | fixed | {"data_categories": categories})
    except ValidationError:
        return None
