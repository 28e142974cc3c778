"""The visitors of collected sources: last answers of devices, persons identified on them, and events that wait.

A device or person is named by a matching token. A waiting event is encrypted with AES-256-GCM under the secret
`visitor.key`, bound to its digest; a copy of the store without the secret shows no event. A digest is a keyed hash of
source and line, so that the same event waits once.
"""

from __future__ import annotations

import hmac
import json
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from privacy.consent.signal.decision import DeviceAnswer
from privacy.consent.signal.reading import Answer
from privacy.storage.database import AMONG, open_database, transaction

if TYPE_CHECKING:
    from privacy.storage.database import Place

FILE = Path("collector") / "visitor.db"
"""Below the data folder."""
SECRET_FILE = "visitor.key"
"""Below the secret folder."""
STORE = "visitors"
MOST_ANSWER_AGE = timedelta(days=730)
"""Age at which answers are deleted; no policy lets them count for longer."""
_NONCE_BYTES = 12
_SCHEMA = """
CREATE TABLE IF NOT EXISTS visitor_answer (
  visitor TEXT NOT NULL, purpose TEXT NOT NULL, answer INTEGER NOT NULL, at TEXT NOT NULL,
  PRIMARY KEY (visitor, purpose)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS visitor_person (
  visitor TEXT NOT NULL, person TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (visitor, person)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS visitor_person_person ON visitor_person (person);
CREATE TABLE IF NOT EXISTS waiting_event (
  digest BLOB PRIMARY KEY, source TEXT NOT NULL, visitor TEXT, person TEXT, arrived_at TEXT NOT NULL,
  expires_at TEXT NOT NULL, content BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting_visitor ON waiting_event (visitor);
CREATE INDEX IF NOT EXISTS waiting_person ON waiting_event (person);
CREATE INDEX IF NOT EXISTS waiting_expiry ON waiting_event (expires_at);
"""
_ANSWER = (
    "INSERT INTO visitor_answer VALUES (?, ?, ?, ?) ON CONFLICT (visitor, purpose) DO UPDATE SET "
    "answer = excluded.answer, at = excluded.at"
)
_PERSON = "INSERT INTO visitor_person VALUES (?, ?, ?) ON CONFLICT (visitor, person) DO UPDATE SET at = excluded.at"
_WAIT = "INSERT INTO waiting_event VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING"
_TABLES = ("visitor_answer", "visitor_person", "waiting_event")


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    """One waiting event without its content. `person` is None for an event of a visitor."""

    digest: bytes
    visitor: str | None
    person: str | None


@dataclass
class Visitors:
    """What the store knows about some visitors and persons.

    Attributes:
        answers: last answer by device and purpose. Of events without a device, the person is the device.
        persons: persons identified on each device.
        waiting: waiting events by visitor or person.
        released_bytes: bytes of the lines that were released.
    """

    answers: dict[tuple[str, str], DeviceAnswer] = field(default_factory=dict)
    persons: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    waiting: dict[str, dict[bytes, WaitingEvent]] = field(default_factory=lambda: defaultdict(dict))
    released_bytes: int = 0

    def add_waiting(self, event: WaitingEvent) -> None:
        """Add a waiting event for its visitor and its person."""
        for name in filter(None, (event.visitor, event.person)):
            self.waiting[name][event.digest] = event

    def remove_waiting(self, event: WaitingEvent) -> None:
        """Remove a waiting event that is released or deleted."""
        for name in filter(None, (event.visitor, event.person)):
            self.waiting[name].pop(event.digest, None)


class VisitorStore:
    """The visitors of one installation, in one private file or on a server. One thread at a time may use an object."""

    def __init__(self, place: Place, secret: bytes) -> None:
        """Open the store, and create it if there is none.

        Raises:
            OSError, DATABASE_ERRORS: it cannot be opened.
        """
        self._place, self._secret, self._cipher = place, secret, AESGCM(secret)
        self._db = open_database(place, _SCHEMA, STORE, overwrites=True)

    def close(self) -> None:
        """Close the store."""
        self._db.close()

    def follow(self) -> None:
        """Use the store that is in its place now, such as a restored one."""
        if self._db.is_replaced():
            self._db.close()
            self._db = open_database(self._place, _SCHEMA, STORE, overwrites=True)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Commit all changes of the block, or none; no other process changes the store meanwhile."""
        with transaction(self._db):
            yield

    def digest(self, source: str, line: bytes) -> bytes:
        """Return the name of a waiting event."""
        return hmac.digest(self._secret, source.encode() + b"\0" + line, "sha256")

    def load(self, source: str, names: Collection[str], answered_since: datetime, now: datetime) -> Visitors:
        """Return what the store knows about devices and persons, with the events of one source that wait for them.

        It has the answers and persons of every device that a waiting event needs to be judged.
        """
        found, among = Visitors(), json.dumps(sorted(names))
        query = (
            f"SELECT digest, visitor, person FROM waiting_event WHERE (visitor {AMONG} OR person {AMONG}) "
            "AND source = ? AND expires_at > ? ORDER BY arrived_at"
        )
        needed = set(names)
        for digest, visitor, person in self._db.execute(query, (among, among, source, _text(now))):
            found.add_waiting(WaitingEvent(bytes(digest), visitor, person))
            needed |= {visitor or person}
        among = json.dumps(sorted(needed))
        query = f"SELECT visitor, purpose, answer, at FROM visitor_answer WHERE visitor {AMONG} AND at >= ?"
        for visitor, purpose, answer, at in self._db.execute(query, (among, _text(answered_since))):
            found.answers[visitor, purpose] = DeviceAnswer(Answer(answer), datetime.fromisoformat(at))
        query = f"SELECT visitor, person FROM visitor_person WHERE visitor {AMONG}"
        for visitor, person in self._db.execute(query, (among,)):
            found.persons[visitor].add(person)
        return found

    def decidable(self, source: str, purpose: str | None) -> list[str]:
        """Return the visitors and persons whose waiting events of a source something else may decide, once each.

        That are persons, devices with known persons, and devices that have an answer about the purpose: another source
        may have heard it.
        """
        query = (
            "SELECT person FROM waiting_event WHERE source = ? AND person IS NOT NULL UNION "
            "SELECT w.visitor FROM waiting_event w JOIN visitor_person p ON p.visitor = w.visitor WHERE w.source = ? "
            "UNION SELECT w.visitor FROM waiting_event w JOIN visitor_answer a ON a.visitor = w.visitor "
            "WHERE w.source = ? AND a.purpose = ?"
        )
        return sorted(name for (name,) in self._db.execute(query, (source, source, source, purpose or "")))

    def set_answer(self, visitor: str, purpose: str, answer: DeviceAnswer) -> None:
        """Store the last answer of a device."""
        self._db.execute(_ANSWER, (visitor, purpose, int(answer.answer), _text(answer.at)))

    def identify(self, visitor: str, person: str, at: datetime) -> None:
        """Store that a person was identified on a device."""
        self._db.execute(_PERSON, (visitor, person, _text(at)))

    def wait(self, source: str, event: WaitingEvent, line: bytes, arrived_at: datetime, expires_at: datetime) -> None:
        """Store an event that waits."""
        nonce = os.urandom(_NONCE_BYTES)
        content = nonce + self._cipher.encrypt(nonce, line, event.digest)
        row = (event.digest, source, event.visitor, event.person, _text(arrived_at), _text(expires_at), content)
        self._db.execute(_WAIT, row)

    def line(self, digest: bytes) -> bytes | None:
        """Return the line of a waiting event; None if it waits no more."""
        row = self._db.execute("SELECT content FROM waiting_event WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            return None
        content = bytes(row[0])
        return self._cipher.decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], digest)

    def forget(self, digests: Iterable[bytes]) -> None:
        """Delete waiting events. Use it inside `changing`."""
        self._db.executemany("DELETE FROM waiting_event WHERE digest = ?", [(digest,) for digest in digests])

    def expire(self, source: str, now: datetime) -> int:
        """Delete the waiting events of a source that have expired, and old answers; return how many events."""
        oldest = _text(now - MOST_ANSWER_AGE)
        with self.changing():
            query = "DELETE FROM waiting_event WHERE source = ? AND expires_at <= ?"
            count = self._db.execute(query, (source, _text(now))).rowcount
            self._db.execute("DELETE FROM visitor_answer WHERE at < ?", (oldest,))
            self._db.execute("DELETE FROM visitor_person WHERE at < ?", (oldest,))
        return int(count)

    def devices_of(self, persons: Collection[str]) -> list[str]:
        """Return the devices on which only these persons were identified."""
        among = json.dumps(list(persons))
        query = (
            f"SELECT DISTINCT visitor FROM visitor_person WHERE person {AMONG} AND visitor NOT IN "
            f"(SELECT visitor FROM visitor_person WHERE NOT person {AMONG})"
        )
        return [visitor for (visitor,) in self._db.execute(query, (among, among))]

    def count(self, names: Collection[str]) -> dict[str, int]:
        """Return the number of rows of each table that name one of the devices or persons."""
        among = json.dumps(list(names))
        queries = {
            "visitor_answer": f"visitor {AMONG} OR visitor {AMONG}",
            "visitor_person": f"visitor {AMONG} OR person {AMONG}",
            "waiting_event": f"visitor {AMONG} OR person {AMONG}",
        }
        return {
            table: int(self._db.execute(f"SELECT count(*) FROM {table} WHERE {where}", (among, among)).fetchone()[0])
            for table, where in queries.items()
        }

    def lines_of(self, names: Collection[str]) -> list[tuple[str, str, bytes]]:
        """Return source, time of arrival and line of the waiting events of devices and persons."""
        among = json.dumps(list(names))
        query = (
            f"SELECT digest, source, arrived_at FROM waiting_event WHERE visitor {AMONG} OR person {AMONG} "
            "ORDER BY arrived_at"
        )
        rows = self._db.execute(query, (among, among)).fetchall()
        return [(source, at, self.line(bytes(digest)) or b"") for digest, source, at in rows]

    def erase(self, names: Collection[str]) -> int:
        """Delete every row of these devices and persons, and overwrite it; return how many."""
        among, deleted = json.dumps(list(names)), 0
        with self.changing():
            for table, column in (
                ("visitor_answer", "visitor"), ("visitor_person", "visitor"), ("visitor_person", "person"),
                ("waiting_event", "visitor"), ("waiting_event", "person"),
            ):  # fmt: skip
                deleted += self._db.execute(f"DELETE FROM {table} WHERE {column} {AMONG}", (among,)).rowcount
        if self._db.is_shared:
            self._db.vacuum(*_TABLES)
        return deleted


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
