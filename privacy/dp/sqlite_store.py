"""The ledger's database in one SQLite file, shared by the processes of one machine.

Writers queue in the kernel (flock) instead of in SQLite's busy handler, which sleeps and starves. A commit
goes to the write-ahead log; one `fdatasync` of that log then covers every commit before it, so that
processes that wait together are flushed together (group commit). It is what SQLite's `synchronous=FULL`
does at each commit, taken out of the writers' lock: the spend is on disk before `settle` returns, hence
before noise is drawn.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from privacy.database import BUSY_SECONDS, transaction
from privacy.dp.anchor import EMPTY, FileAnchor, Head
from privacy.dp.errors import LedgerDamaged
from privacy.dp.store import SCHEMA, Transaction

# A checkpoint flushes twice inside the writers' lock; this many pages apart it touches few spends.
CHECKPOINT_PAGES = 8000


class _Queue:
    """An exclusive lock between processes (flock) and between the threads of this one."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._threads = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        with self._threads:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._file)


class _SqliteTransaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()


class SqliteStore:
    """A ledger's tables in `path`, its anchor in `anchor`. POSIX only: Windows has no flock."""

    def __init__(self, path: Path, anchor: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._anchor = FileAnchor(anchor)
        self._writers = _Queue(path.with_name(path.name + ".lock"))
        self._settlers = _Queue(path.with_name(path.name + ".settle"))
        with self._writers.held():
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            for pragma in (
                "journal_mode=WAL",
                # Commits are flushed by settle(); a checkpoint still flushes log and file.
                "synchronous=NORMAL",
                f"wal_autocheckpoint={CHECKPOINT_PAGES}",
                "foreign_keys=ON",
            ):
                self._connection.execute(f"PRAGMA {pragma}")
            for statement in SCHEMA:
                self._connection.execute(statement)
            self._flush(path.parent)
            if self._anchor.read() is None and self._newest() == EMPTY:
                self._anchor.advance(EMPTY)
        self._inode = path.stat().st_ino

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One writer at a time, in order of arrival."""
        with self._writers.held():
            self._require_same_file()
            with transaction(self._connection):
                yield _SqliteTransaction(self._connection)

    def settle(self, head: Head) -> None:
        """Flush the log and move the anchor, unless another process already did so for a later head."""
        with self._settlers.held():
            known = self._anchor.read()
            if known is not None and known.seq >= head.seq:
                return
            newest = self._newest()
            wal = self.path.with_name(self.path.name + "-wal")
            self._flush(wal if wal.exists() else self.path.parent)
            self._anchor.advance(newest)

    def anchored(self) -> Head | None:
        """The head that the anchor file remembers."""
        return self._anchor.read()

    def close(self) -> None:
        """Close the connection, the locks and the anchor."""
        self._connection.close()
        for held in (self._writers, self._settlers, self._anchor):
            held.close()

    def _newest(self) -> Head:
        sql = "SELECT seq, digest FROM dp_entry ORDER BY seq DESC LIMIT 1"
        rows = self._connection.execute(sql).fetchall()
        return Head(*rows[0]) if rows else EMPTY

    def _require_same_file(self) -> None:
        if not self.path.exists() or self.path.stat().st_ino != self._inode:
            raise LedgerDamaged(f"The ledger {self.path} was replaced while it was open; stop and examine it")

    @staticmethod
    def _flush(path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
