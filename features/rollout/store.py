"""Keeps every state of the rollouts, and counts of calls by look. Nothing in it is about a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from features.rollout.definition import Rollout, read_rollout
from features.rollout.errors import UnknownRolloutError
from privacy.storage.database import open_database, transaction

if TYPE_CHECKING:
    from privacy.storage.database import Place

FILE = Path("experiment") / "rollout.db"
"""Below the data folder."""
STORE = "rollouts"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS rollout (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL, attempt INTEGER NOT NULL, document TEXT NOT NULL,
  stage INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS rollout_count (
  attempt INTEGER NOT NULL, look TEXT NOT NULL, version TEXT NOT NULL, is_shadow INTEGER NOT NULL,
  metric TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (attempt, look, version, is_shadow, metric)
) WITHOUT ROWID;
"""
_COUNT = (
    "INSERT INTO rollout_count VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (attempt, look, version, is_shadow, metric) "
    "DO UPDATE SET count = rollout_count.count + excluded.count"
)
_STEP = "number, attempt, document, stage, state, reason, at"
Counts: TypeAlias = Mapping[tuple[datetime, str, bool, str], int]
"""Counts by beginning of the look, version, whether in shadow, and metric."""


class State(StrEnum):
    """The state of a rollout. The new version is served in stages while it is RUNNING, to everyone when FINISHED."""

    RUNNING = "running"
    ROLLED_BACK = "rolled back"
    FINISHED = "finished"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Step:
    """A state of a rollout since a moment.

    Attributes:
        number: grows with every step of every rollout.
        attempt: number of the first step of this definition.
        stage: index of the stage.
        reason: why the state began.
    """

    number: int
    attempt: int
    rollout: Rollout
    stage: int
    state: State
    reason: str
    at: datetime


class RolloutStore:
    """The rollouts of one installation, in one private file or on a server."""

    def __init__(self, place: Place) -> None:
        """Open the store, and create it if there is none.

        Raises:
            OSError, DATABASE_ERRORS: it cannot be opened.
        """
        self._db = open_database(place, _SCHEMA, STORE)

    def close(self) -> None:
        """Close the store."""
        self._db.close()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Commit all changes of the block, or none; no other process changes the store meanwhile."""
        with transaction(self._db):
            yield

    def newest(self) -> list[Step]:
        """Return the newest step of each rollout, in the order of the newest definitions."""
        query = (
            f"SELECT {_STEP} FROM rollout WHERE number IN (SELECT max(number) FROM rollout GROUP BY name) "
            "ORDER BY attempt"
        )
        return [_step(row) for row in self._db.execute(query).fetchall()]

    def steps(self, name: str) -> list[Step]:
        """Return all steps of a rollout, the newest last.

        Raises:
            UnknownRolloutError: there is none.
        """
        rows = self._db.execute(f"SELECT {_STEP} FROM rollout WHERE name = ? ORDER BY number", (name,)).fetchall()
        if not rows:
            known = self._db.execute("SELECT DISTINCT name FROM rollout ORDER BY name").fetchall()
            raise UnknownRolloutError(name, [one for (one,) in known])
        return [_step(row) for row in rows]

    def add(self, rollout: Rollout, attempt: int | None, stage: int, state: State, reason: str, at: datetime) -> None:
        """Store a step; without an attempt it is the first of a definition. Use it inside `changing`."""
        (last,) = self._db.execute("SELECT coalesce(max(number), 0) FROM rollout").fetchone()
        number = int(last) + 1
        row = (number, rollout.name, attempt or number, rollout.text(), stage, state.value, reason, _text(at))
        self._db.execute("INSERT INTO rollout VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def count(self, attempt: int, counts: Counts) -> None:
        """Add to the counts of a definition."""
        rows = [(attempt, _text(look), v, int(shadow), m, count) for (look, v, shadow, m), count in counts.items()]
        with self.changing():
            self._db.executemany(_COUNT, rows)

    def counts(self, attempt: int) -> Counts:
        """Return the counts of a definition."""
        query = "SELECT look, version, is_shadow, metric, count FROM rollout_count WHERE attempt = ? ORDER BY look"
        rows = self._db.execute(query, (attempt,)).fetchall()
        return {(datetime.fromisoformat(look), v, bool(shadow), m): int(n) for look, v, shadow, m, n in rows}


def _step(row: tuple[int, int, str, int, str, str, str]) -> Step:
    number, attempt, document, stage, state, reason, at = row
    return Step(number, attempt, _rollout(document), stage, State(state), reason, datetime.fromisoformat(at))


# A service reads the newest steps twice a second.
@lru_cache(maxsize=256)
def _rollout(document: str) -> Rollout:
    return read_rollout(document)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
