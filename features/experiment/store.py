"""Keeps the versions of experiments, the variant of each customer, and each customer's outcomes."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from features.experiment.definition import Experiment, read_experiment
from features.experiment.errors import UnknownExperimentError
from privacy.storage.database import AMONG, open_database, transaction

if TYPE_CHECKING:
    from privacy.storage.database import Place

FILE = Path("experiment") / "experiment.db"
"""Below the data folder."""
STORE = "experiments"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS experiment (
  name TEXT NOT NULL, number INTEGER NOT NULL, document TEXT NOT NULL, stopped TEXT NOT NULL, at TEXT NOT NULL,
  PRIMARY KEY (name, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS experiment_assignment (
  experiment TEXT NOT NULL, customer_id TEXT NOT NULL, variant TEXT NOT NULL, number INTEGER NOT NULL, at TEXT NOT NULL,
  PRIMARY KEY (experiment, customer_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS experiment_customer ON experiment_assignment (customer_id);
CREATE TABLE IF NOT EXISTS experiment_outcome (
  experiment TEXT NOT NULL, customer_id TEXT NOT NULL, metric TEXT NOT NULL, at TEXT NOT NULL, value REAL NOT NULL,
  PRIMARY KEY (experiment, customer_id, metric, at)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS experiment_outcome_customer ON experiment_outcome (customer_id);
"""
PERSONAL = ("experiment_assignment", "experiment_outcome")
"""The tables with rows about customers."""
_ASSIGN = "INSERT INTO experiment_assignment VALUES (?, ?, ?, ?, ?) ON CONFLICT (experiment, customer_id) DO NOTHING"
_OUTCOME = (
    "INSERT INTO experiment_outcome VALUES (?, ?, ?, ?, ?) ON CONFLICT (experiment, customer_id, metric, at) "
    "DO UPDATE SET value = excluded.value"
)


@dataclass(frozen=True)
class Version:
    """One stored version of an experiment. `stopped`: why it takes no more customers; empty while it runs."""

    number: int
    experiment: Experiment
    stopped: str
    at: datetime

    def state(self, today: date) -> str:
        """Return the state on a day: planned, running, over, or stopped with the reason."""
        if self.stopped:
            return f"stopped: {self.stopped}"
        if today < self.experiment.start:
            return "planned"
        return "running" if today <= self.experiment.last_day else "over"


@dataclass(frozen=True)
class Assigned:
    """The stored variant of a customer, the version of the experiment that drew it, and when."""

    customer_id: str
    variant: str
    number: int
    at: datetime


@dataclass(frozen=True)
class Outcome:
    """One figure of a customer. A second one of the same metric and moment replaces the first."""

    customer_id: str
    metric: str
    at: datetime
    value: float


class ExperimentStore:
    """The experiments of one installation, in one private file or on a server."""

    def __init__(self, place: Place) -> None:
        """Open the store, and create it if there is none.

        Raises:
            OSError, DATABASE_ERRORS: it cannot be opened.
        """
        self._db = open_database(place, _SCHEMA, STORE, overwrites=True)

    def close(self) -> None:
        """Close the store."""
        self._db.close()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Commit all changes of the block, or none; no other process changes the store meanwhile."""
        with transaction(self._db):
            yield

    def names(self) -> list[str]:
        """Return the names of all experiments."""
        return [name for (name,) in self._db.execute("SELECT DISTINCT name FROM experiment ORDER BY name")]

    def versions(self, name: str) -> list[Version]:
        """Return all versions of an experiment, the newest last.

        Raises:
            UnknownExperimentError: there is none.
        """
        query = "SELECT number, document, stopped, at FROM experiment WHERE name = ? ORDER BY number"
        found = self._db.execute(query, (name,)).fetchall()
        if not found:
            raise UnknownExperimentError(name, self.names())
        return [_version(row) for row in found]

    def newest(self) -> list[Version]:
        """Return the newest version of each experiment."""
        query = (
            "SELECT number, document, stopped, at FROM experiment AS e WHERE number = "
            "(SELECT max(number) FROM experiment WHERE name = e.name) ORDER BY name"
        )
        return [_version(row) for row in self._db.execute(query).fetchall()]

    def add(self, experiment: Experiment, number: int, stopped: str, at: datetime) -> None:
        """Store a version. Use it inside `changing`."""
        row = (experiment.name, number, experiment.text(), stopped, _text(at))
        self._db.execute("INSERT INTO experiment VALUES (?, ?, ?, ?, ?)", row)

    def assigned(self, name: str, customers: Collection[str]) -> dict[str, str]:
        """Return the stored variants of these customers; a customer without one is left out."""
        query = f"SELECT customer_id, variant FROM experiment_assignment WHERE experiment = ? AND customer_id {AMONG}"
        return dict(self._db.execute(query, (name, json.dumps(list(customers)))).fetchall())

    def assign(self, name: str, number: int, drawn: Iterable[tuple[str, str]], at: datetime) -> None:
        """Store the variants of customers. A customer who has one keeps it. Use it inside `changing`."""
        self._db.executemany(_ASSIGN, [(name, one, variant, number, _text(at)) for one, variant in drawn])

    def assignments(self, name: str) -> list[Assigned]:
        """Return the assignments of an experiment."""
        query = (
            "SELECT customer_id, variant, number, at FROM experiment_assignment WHERE experiment = ? "
            "ORDER BY customer_id"
        )
        found = self._db.execute(query, (name,)).fetchall()
        return [Assigned(one, variant, n, datetime.fromisoformat(at)) for one, variant, n, at in found]

    def record(self, name: str, outcomes: Iterable[Outcome]) -> None:
        """Store outcomes. Use it inside `changing`."""
        self._db.executemany(_OUTCOME, [(name, o.customer_id, o.metric, _text(o.at), o.value) for o in outcomes])

    def sums(self, name: str, until: datetime) -> list[tuple[str, str, float, datetime]]:
        """Return customer, metric, sum of the outcomes up to a moment, and the moment of the last one."""
        query = (
            "SELECT customer_id, metric, sum(value), max(at) FROM experiment_outcome WHERE experiment = ? AND at <= ? "
            "GROUP BY customer_id, metric ORDER BY customer_id, metric"
        )
        found = self._db.execute(query, (name, _text(until))).fetchall()
        return [(one, metric, float(value), datetime.fromisoformat(at)) for one, metric, value, at in found]

    def count(self, customers: Collection[str]) -> dict[str, int]:
        """Return the number of rows about these customers, by table."""
        among = json.dumps(list(customers))
        return {
            table: int(
                self._db.execute(f"SELECT count(*) FROM {table} WHERE customer_id {AMONG}", (among,)).fetchone()[0]
            )
            for table in PERSONAL
        }

    def rows_of(self, customers: Collection[str]) -> dict[str, list[tuple[str, str, str]]]:
        """Return experiment, variant or figure, and moment of these customers' rows, by table."""
        among = json.dumps(list(customers))
        columns = {"experiment_assignment": "variant", "experiment_outcome": "metric || ' ' || value"}
        return {
            table: self._db.execute(
                f"SELECT experiment, {column}, at FROM {table} WHERE customer_id {AMONG} ORDER BY at", (among,)
            ).fetchall()
            for table, column in columns.items()
        }

    def erase(self, customers: Collection[str]) -> int:
        """Delete every row of these customers and overwrite it; return how many."""
        among, deleted = json.dumps(list(customers)), 0
        with self.changing():
            for table in PERSONAL:
                deleted += self._db.execute(f"DELETE FROM {table} WHERE customer_id {AMONG}", (among,)).rowcount
        if self._db.is_shared:
            self._db.vacuum(*PERSONAL)
        return deleted


def _version(row: tuple[int, str, str, str]) -> Version:
    number, document, stopped, at = row
    return Version(number, read_experiment(document), stopped, datetime.fromisoformat(at))


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
