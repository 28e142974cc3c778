"""The ledger's database in PostgreSQL, for a fleet of machines. Needs the extra `fleet` (psycopg)."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from privacy.dp.anchor import EMPTY, FileAnchor, Head
from privacy.dp.errors import LedgerDamaged
from privacy.dp.store import SCHEMA, Transaction

# The advisory lock that makes the ledger's transactions serial: "bojagidp" in ASCII.
LEDGER_LOCK = 0x626F6A6167696470


class _PostgresTransaction:
    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(sql.replace("?", "%s"), values)
        return cursor.fetchall() if cursor.description else []


class PostgresStore:
    """A ledger's tables in the database of `conninfo`; this machine's anchor in `anchor`.

    The server's log is flushed at each commit, so a commit is a settled spend. Each machine keeps an
    anchor of its own: every one of them has to be contained in the ledger. A machine without one is refused, lest
    whoever deletes an anchor be believed; one that is new to the fleet says `joins` once.
    """

    def __init__(self, conninfo: str, anchor: Path, *, joins: bool = False) -> None:
        self._anchor = FileAnchor(anchor)
        self._threads = threading.RLock()
        self._connection = psycopg.connect(conninfo, autocommit=True)
        for setting in ("fsync", "synchronous_commit"):
            row = self._connection.execute(f"SHOW {setting}").fetchone()
            if row is None or row[0] == "off":
                raise LedgerDamaged(f"PostgreSQL runs with {setting}=off and can lose spends; switch it on")
        with self.transaction() as transaction:
            for statement in SCHEMA:
                transaction.run(statement)
            rows = transaction.run("SELECT seq, digest FROM dp_entry ORDER BY seq DESC LIMIT 1")
            if self._anchor.read() is None and (joins or not rows):
                self._anchor.advance(Head(*rows[0]) if rows else EMPTY)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One writer at a time over the whole fleet."""
        with self._threads, self._connection.transaction():
            self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (LEDGER_LOCK,))
            yield _PostgresTransaction(self._connection)

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """One state of the ledger; MVCC keeps it from waiting for writers."""
        with self._threads, self._connection.transaction():
            self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield _PostgresTransaction(self._connection)

    def settle(self, head: Head) -> None:
        """The commit was durable; move this machine's anchor."""
        with self._threads:
            self._anchor.advance(head)

    def anchored(self) -> Head | None:
        """The head that this machine's anchor remembers."""
        return self._anchor.read()

    def close(self) -> None:
        """Close the connection and the anchor."""
        self._connection.close()
        self._anchor.close()
