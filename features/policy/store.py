"""Keeps policies with their versions and verdicts, and the decisions about customers."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from features.policy.definition import PolicyDefinition, read_policy_definition
from features.policy.errors import UnknownPolicyError
from features.policy.policy import Policy
from privacy.storage.database import AMONG, open_database, transaction

if TYPE_CHECKING:
    from privacy.storage.database import Place

FILE = Path("policy") / "policy.db"
"""Below the data folder."""
STORE = "policies"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS policy (
  name TEXT NOT NULL, number INTEGER NOT NULL, document TEXT NOT NULL, parameters TEXT NOT NULL, greedy TEXT NOT NULL,
  card TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (name, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS policy_verdict (
  name TEXT NOT NULL, position INTEGER NOT NULL, number INTEGER NOT NULL, answer TEXT NOT NULL, content TEXT NOT NULL,
  spent_to TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (name, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS policy_decision (
  decision_id TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL, customer_id TEXT NOT NULL, at TEXT NOT NULL,
  context TEXT NOT NULL, arm TEXT NOT NULL, propensities TEXT NOT NULL, reward REAL, PRIMARY KEY (decision_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS policy_decision_time ON policy_decision (name, at);
CREATE INDEX IF NOT EXISTS policy_decision_customer ON policy_decision (customer_id);
"""
PERSONAL = "policy_decision"
"""The table with rows about customers."""


@dataclass(frozen=True)
class Version:
    """One version of a policy.

    Attributes:
        definition: the definition, the same of all versions.
        number: 1 is the uniform policy.
        policy: what is served.
        greedy: the greedy policy from the same decisions, which the version has to beat.
        card: how it was learned; of what, names no customer.
        at: when it was stored.
    """

    definition: PolicyDefinition
    number: int
    policy: Policy
    greedy: Policy
    card: dict[str, object]
    at: datetime

    @property
    def name(self) -> str:
        """The named version, such as `objective/3`."""
        return f"{self.definition.name}/{self.number}"


@dataclass(frozen=True)
class KeptVerdict:
    """The verdict about a version. `spent_to`: decisions up to this moment were compared; empty if none were."""

    number: int
    answer: str
    content: dict[str, object]
    spent_to: str
    at: datetime


@dataclass(frozen=True)
class LoggedDecision:
    """A decision as it is stored. `propensities` has the probability of every arm, in the order of the definition."""

    decision_id: str
    name: str
    number: int
    customer_id: str
    at: datetime
    context: Sequence[float]
    arm: str
    propensities: Sequence[float]
    reward: float | None = None


class PolicyStore:
    """The policies of one installation, in one private file or on a server."""

    def __init__(self, place: Place) -> None:
        """Open the store, and create it if there is none.

        Raises:
            OSError, DATABASE_ERRORS: it cannot be opened.
        """
        # A crash of the machine may lose the last decisions: they are then no part of the log, which stays true.
        self._db = open_database(place, _SCHEMA, STORE, flushes_commits=False)

    def close(self) -> None:
        """Close the store."""
        self._db.close()

    @property
    def is_replaced(self) -> bool:
        """Whether another file, or none, has its place now."""
        return self._db.is_replaced()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Commit all changes of the block, or none; no other process changes the store meanwhile."""
        with transaction(self._db):
            yield

    def names(self) -> list[str]:
        """Return the names of all policies."""
        return [name for (name,) in self._db.execute("SELECT DISTINCT name FROM policy ORDER BY name")]

    def versions(self, name: str) -> list[Version]:
        """Return all versions of a policy, the newest last.

        Raises:
            UnknownPolicyError: there is none.
        """
        query = "SELECT number, document, parameters, greedy, card, at FROM policy WHERE name = ? ORDER BY number"
        found = self._db.execute(query, (name,)).fetchall()
        if not found:
            raise UnknownPolicyError(name, self.names())
        return [
            Version(
                read_policy_definition(text), number, Policy.from_json(kept), Policy.from_json(greedy),
                json.loads(card), datetime.fromisoformat(at),
            )
            for number, text, kept, greedy, card, at in found
        ]  # fmt: skip

    def add(self, version: Version) -> None:
        """Store a version. Use it inside `changing`."""
        row = (
            version.definition.name, version.number, version.definition.text(), version.policy.to_json(),
            version.greedy.to_json(), json.dumps(version.card), _text(version.at),
        )  # fmt: skip
        self._db.execute("INSERT INTO policy VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def accepted(self, name: str) -> int:
        """Return the number of the newest version that was judged better; 1 without one."""
        query = "SELECT max(number) FROM policy_verdict WHERE name = ? AND answer = 'better'"
        return int(self._db.execute(query, (name,)).fetchone()[0] or 1)

    def verdicts(self, name: str) -> list[KeptVerdict]:
        """Return the verdicts about all versions of a policy, the newest last."""
        query = "SELECT number, answer, content, spent_to, at FROM policy_verdict WHERE name = ? ORDER BY position"
        return [
            KeptVerdict(number, answer, json.loads(content), spent, datetime.fromisoformat(at))
            for number, answer, content, spent, at in self._db.execute(query, (name,)).fetchall()
        ]

    def add_verdict(self, name: str, position: int, verdict: KeptVerdict) -> None:
        """Store the verdict that is the first, second … about a policy. Use it inside `changing`."""
        row = (
            name, position, verdict.number, verdict.answer, json.dumps(verdict.content), verdict.spent_to,
            _text(verdict.at),
        )  # fmt: skip
        self._db.execute("INSERT INTO policy_verdict VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def log(self, decision: LoggedDecision) -> None:
        """Store a decision."""
        row = (
            decision.decision_id, decision.name, decision.number, decision.customer_id, _text(decision.at),
            json.dumps(list(decision.context)), decision.arm, json.dumps(list(decision.propensities)), decision.reward,
        )  # fmt: skip
        self._db.execute("INSERT INTO policy_decision VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def decision(self, decision_id: str) -> LoggedDecision | None:
        """Return a decision; None if there is none."""
        row = self._db.execute(f"{_SELECT} WHERE decision_id = ?", (decision_id,)).fetchone()
        return None if row is None else _decision(row)

    def reward(self, decision_id: str, value: float) -> bool:
        """Store the reward of a decision; return whether it had none."""
        query = "UPDATE policy_decision SET reward = ? WHERE decision_id = ? AND reward IS NULL"
        return self._db.execute(query, (value, decision_id)).rowcount == 1

    def decisions(self, name: str, before: datetime) -> Iterator[LoggedDecision]:
        """Yield the decisions of a policy before a moment, each customer's in the order of time."""
        query = f"{_SELECT} WHERE name = ? AND at < ? ORDER BY customer_id, at, decision_id"
        for row in self._db.stream(query, (name, _text(before))):
            yield _decision(row)

    def forget(self, name: str, before: datetime) -> int:
        """Delete the decisions of a policy before a moment; return how many."""
        condition, values = "FROM policy_decision WHERE name = ? AND at < ?", (name, _text(before))
        if not self._db.execute(f"SELECT count(*) {condition}", values).fetchone()[0]:
            return 0
        return self._delete(f"DELETE {condition}", values)

    def count(self, customers: Collection[str]) -> int:
        """Return the number of decisions about these customers."""
        query = f"SELECT count(*) FROM policy_decision WHERE customer_id {AMONG}"
        return int(self._db.execute(query, (json.dumps(list(customers)),)).fetchone()[0])

    def decisions_about(self, customers: Collection[str]) -> list[LoggedDecision]:
        """Return the decisions about these customers, in the order of time."""
        query = f"{_SELECT} WHERE customer_id {AMONG} ORDER BY at, decision_id"
        return [_decision(row) for row in self._db.execute(query, (json.dumps(list(customers)),)).fetchall()]

    def erase(self, customers: Collection[str]) -> int:
        """Delete the decisions about these customers and overwrite them; return how many."""
        query = f"DELETE FROM policy_decision WHERE customer_id {AMONG}"
        return self._delete(query, (json.dumps(list(customers)),))

    def _delete(self, query: str, values: Sequence[str]) -> int:
        with self._db.erasing(PERSONAL):
            return int(self._db.execute(query, values).rowcount)


_SELECT = "SELECT decision_id, name, number, customer_id, at, context, arm, propensities, reward FROM policy_decision"


def _decision(row: tuple[str, str, int, str, str, str, str, str, float | None]) -> LoggedDecision:
    decision_id, name, number, customer, at, context, arm, propensities, reward = row
    moment = datetime.fromisoformat(at)
    return LoggedDecision(
        decision_id, name, number, customer, moment, json.loads(context), arm, json.loads(propensities), reward
    )


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
