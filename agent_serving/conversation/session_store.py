"""Where sessions and their turns are kept: the interface, and the store in one SQLite file or in PostgreSQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from agent_serving.conversation.session import (
    Session,
    Turn,
    read_caller,
    read_turn,
    token_digest,
    write_caller,
    write_turn,
)
from privacy.storage.database import AMONG, Database, open_database, transaction

if TYPE_CHECKING:
    from privacy.storage.database import Place

FILE = Path("chat") / "session.db"
"""Below the data folder."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS session (
  id TEXT PRIMARY KEY, owner TEXT NOT NULL, caller TEXT NOT NULL, customer_id TEXT, branch TEXT NOT NULL,
  token TEXT UNIQUE, opened_at TEXT NOT NULL, last_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS session_customer ON session (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS session_last ON session (last_at);
CREATE TABLE IF NOT EXISTS turn (
  session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE, number INTEGER NOT NULL, content BLOB NOT NULL,
  PRIMARY KEY (session, number)
) WITHOUT ROWID;
"""
_COLUMNS = "id, owner, caller, customer_id, branch, opened_at, last_at"


class SessionStore(Protocol):
    """Keeps sessions with their turns. Safe under threads."""

    def add(self, session: Session, token: str | None = None) -> None:
        """Add a session; `token` lets a browser continue it."""

    def get(self, session_id: str) -> Session | None:
        """Return a session; None if there is none, or not any more."""

    def by_token(self, token: str) -> Session | None:
        """Return the session of a browser's token."""

    def turns(self, session_id: str, most: int) -> list[Turn]:
        """Return the last turns, the oldest first."""

    def append(self, session_id: str, turn: Turn) -> bool:
        """Add a turn. Returns False, and stores nothing, if the session was deleted meanwhile."""

    def delete(self, session_id: str) -> bool:
        """Delete a session with its turns. Returns whether there was one."""

    def of_customers(self, customer_ids: Sequence[str]) -> list[Session]:
        """Return the sessions of these customers."""

    def delete_before(self, last_at: datetime) -> int:
        """Delete the sessions that were last used before a moment. Returns how many."""

    def check(self) -> None:
        """Raise if the store cannot be used now."""

    def close(self) -> None:
        """Close the store."""


class SqlSessionStore:
    """The sessions of one installation in one private file, or on a server. Deleted content is overwritten.

    Threads share one connection, in turn: a statement takes microseconds, and a store has one writer anyway. A store
    that was restored or removed while the server runs is opened anew.
    """

    def __init__(self, place: Place) -> None:
        """Take the path of the file, which is made at the first use, or the server."""
        self.path, self._lock = place, threading.Lock()
        self._db: Database | None = None

    def add(self, session: Session, token: str | None = None) -> None:
        """Add a session, see `SessionStore.add`."""
        row = (
            session.id, session.owner, write_caller(session.caller), session.customer_id, session.branch,
            token and token_digest(token), session.opened_at.isoformat(), session.last_at.isoformat(),
        )  # fmt: skip
        self._write("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def get(self, session_id: str) -> Session | None:
        """Return a session, see `SessionStore.get`."""
        return next(iter(self._sessions("id = ?", (session_id,))), None)

    def by_token(self, token: str) -> Session | None:
        """Return the session of a browser's token."""
        return next(iter(self._sessions("token = ?", (token_digest(token),))), None)

    def turns(self, session_id: str, most: int) -> list[Turn]:
        """Return the last turns, the oldest first."""
        with self._opened() as db:
            rows = db.execute(
                "SELECT content FROM turn WHERE session = ? ORDER BY number DESC LIMIT ?", (session_id, most)
            ).fetchall()
        return [read_turn(content) for (content,) in reversed(rows)]

    def append(self, session_id: str, turn: Turn) -> bool:
        """Add a turn, see `SessionStore.append`."""
        with self._opened() as db, transaction(db):
            found = db.execute("UPDATE session SET last_at = ? WHERE id = ?", (turn.at.isoformat(), session_id))
            if not found.rowcount:
                return False
            db.execute(
                "INSERT INTO turn VALUES (?, (SELECT 1 + coalesce(max(number), 0) FROM turn WHERE session = ?), ?)",
                (session_id, session_id, write_turn(turn)),
            )
        return True

    def delete(self, session_id: str) -> bool:
        """Delete a session with its turns."""
        found = self._write("DELETE FROM session WHERE id = ?", (session_id,)) > 0
        with self._opened() as db:
            if found and db.is_shared:  # a file overwrites deleted rows by itself
                db.vacuum("session", "turn")
        return found

    def of_customers(self, customer_ids: Sequence[str]) -> list[Session]:
        """Return the sessions of these customers."""
        return self._sessions(f"customer_id {AMONG}", (json.dumps(list(customer_ids)),))

    def delete_before(self, last_at: datetime) -> int:
        """Delete the sessions that were last used before a moment."""
        return self._write("DELETE FROM session WHERE last_at < ?", (last_at.isoformat(),))

    def check(self) -> None:
        """Raise if the store cannot be read.

        Raises:
            OSError, DATABASE_ERRORS: it cannot.
        """
        with self._opened() as db:
            db.execute("SELECT count(*) FROM session").fetchone()

    def close(self) -> None:
        """Close the connection. A later use opens it anew."""
        with self._lock:
            self._release()

    @contextmanager
    def _opened(self) -> Iterator[Database]:
        with self._lock:
            if self._db is not None and self._db.is_replaced():
                self._release()
            if self._db is None:
                self._db = open_database(self.path, _SCHEMA, "sessions", overwrites=True)
                if not self._db.is_shared:  # a server has them on
                    self._db.execute("PRAGMA foreign_keys = ON")
            yield self._db

    def _release(self) -> None:
        if self._db is not None:
            self._db.close()
        self._db = None

    def _write(self, statement: str, values: Sequence[object]) -> int:
        with self._opened() as db, transaction(db):
            return db.execute(statement, values).rowcount

    def _sessions(self, where: str, values: Sequence[object]) -> list[Session]:
        with self._opened() as db:
            rows = db.execute(f"SELECT {_COLUMNS} FROM session WHERE {where} ORDER BY opened_at, id", values).fetchall()
        return [
            Session(
                identifier, owner, read_caller(caller), customer, branch,
                datetime.fromisoformat(opened_at), datetime.fromisoformat(last_at),
            )
            for identifier, owner, caller, customer, branch, opened_at, last_at in rows
        ]  # fmt: skip
