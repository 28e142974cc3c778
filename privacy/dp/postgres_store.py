"""The ledger's database in PostgreSQL, for a fleet of machines. Needs the extra `fleet` (psycopg)."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from privacy.dp.errors import LedgerDamaged
from privacy.dp.store import SCHEMA, Transaction
from privacy.storage.anchor import Anchored, AnchorError, AnchorFile
from privacy.storage.hash_chain import EMPTY, ChainHead

# Number of the advisory lock that makes the ledger's transactions serial: "bojagidp" in ASCII.
LEDGER_LOCK = 0x626F6A6167696470


class _PostgresTransaction:
    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(sql.replace("?", "%s"), values)
        return cursor.fetchall() if cursor.description else []


class PostgresStore:
    """A ledger's tables in a PostgreSQL database; this machine's anchor in the file `anchor`.

    The server flushes its log at each commit, so a committed spend is on the disk. Each machine keeps an anchor of its
    own, and the ledger must contain all of them. A machine without an anchor is refused: otherwise, deleting the anchor
    would hide a restored ledger.
    """

    def __init__(self, conninfo: str, anchor: Path, *, joins: bool = False) -> None:
        """Connect, and create the tables if there are none.

        Args:
            conninfo: PostgreSQL's connection string.
            anchor: this machine's anchor file.
            joins: whether this machine is new to the fleet: without an anchor, it accepts the ledger as it is now.

        Raises:
            LedgerDamaged: the server does not flush its commits.
            psycopg.OperationalError: the server does not answer.
        """
        self._anchor = AnchorFile(anchor)
        self._threads = threading.RLock()
        self._connection = psycopg.connect(conninfo, autocommit=True)
        for setting in ("fsync", "synchronous_commit"):
            row = self._connection.execute(f"SHOW {setting}").fetchone()
            if row is None or row[0] == "off":
                raise LedgerDamaged(f"PostgreSQL runs with {setting}=off and can lose spends. Set {setting}=on")
        with self.transaction() as transaction:
            for statement in SCHEMA:
                transaction.run(statement)
            rows = transaction.run("SELECT number, digest FROM dp_entry ORDER BY number DESC LIMIT 1")
            if self.anchored() is None and (joins or not rows):
                self._anchor.create(ChainHead(*rows[0]) if rows else EMPTY)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Begin a transaction; one writer at a time over the whole fleet."""
        with self._threads, self._connection.transaction():
            self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (LEDGER_LOCK,))
            yield _PostgresTransaction(self._connection)

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """Yield one state of the ledger, without waiting for writers (multi-version concurrency control)."""
        with self._threads, self._connection.transaction():
            self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield _PostgresTransaction(self._connection)

    def settle(self, head: ChainHead) -> None:
        """Move this machine's anchor. The commit was durable already."""
        with self._threads:
            try:
                self._anchor.advance(head)
            except AnchorError as error:
                raise LedgerDamaged(error.message) from error

    def anchored(self) -> Anchored | None:
        """Return the content of this machine's anchor; None if it has no anchor."""
        try:
            return self._anchor.read()
        except AnchorError as error:
            raise LedgerDamaged(error.message) from error

    def close(self) -> None:
        """Close the connection and the anchor."""
        self._connection.close()
        self._anchor.close()
