"""Where sessions and their turns are kept: the interface, and the embedded store in one SQLite file."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from agent_serving.conversation.session import (
    Session,
    Turn,
    read_caller,
    read_turn,
    token_digest,
    write_caller,
    write_turn,
)
from privacy.storage.database import is_replaced, open_database, transaction

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


class SqliteSessionStore:
    """The sessions of one installation in one private file. Deleted content is overwritten at once.

    Threads share one connection, in turn: a statement takes microseconds, and SQLite has one writer anyway. A file that
    was restored or removed while the server runs is opened anew.
    """

    def __init__(self, path: Path) -> None:
        """Take the path of the file, which is made at the first use."""
        self.path, self._lock = path, threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._file: os.stat_result | None = None

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
                "INSERT INTO turn SELECT ?1, 1 + coalesce(max(number), 0), ?2 FROM turn WHERE session = ?1",
                (session_id, write_turn(turn)),
            )
        return True

    def delete(self, session_id: str) -> bool:
        """Delete a session with its turns."""
        return self._write("DELETE FROM session WHERE id = ?", (session_id,)) > 0

    def of_customers(self, customer_ids: Sequence[str]) -> list[Session]:
        """Return the sessions of these customers."""
        return self._sessions("customer_id IN (SELECT value FROM json_each(?))", (json.dumps(list(customer_ids)),))

    def delete_before(self, last_at: datetime) -> int:
        """Delete the sessions that were last used before a moment."""
        return self._write("DELETE FROM session WHERE last_at < ?", (last_at.isoformat(),))

    def check(self) -> None:
        """Raise if the file cannot be read.

        Raises:
            OSError, sqlite3.Error: it cannot.
        """
        with self._opened() as db:
            db.execute("SELECT count(*) FROM session").fetchone()

    def close(self) -> None:
        """Close the connection. A later use opens it anew."""
        with self._lock:
            self._release()

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._file is not None and is_replaced(self.path, self._file):
                self._release()
            if self._db is None:
                self._db = open_database(self.path, _SCHEMA, overwrites=True)
                self._db.execute("PRAGMA foreign_keys = ON")
                self._file = self.path.stat()
            yield self._db

    def _release(self) -> None:
        if self._db is not None:
            self._db.close()
        self._db, self._file = None, None

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
