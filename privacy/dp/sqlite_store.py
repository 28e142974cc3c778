"""The ledger's database in one SQLite file, shared by the processes of one machine.

Writers queue in the kernel (`flock`), because SQLite's own waiting sleeps and lets some writers starve. A commit goes
to the write-ahead log. One `fdatasync` of that log then covers every commit before it, so processes that wait at the
same time are flushed together (group commit). SQLite's `synchronous=FULL` does the same flush at each commit, but
inside the writers' lock. The spend is on the disk before `settle` returns, hence before noise is drawn.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from privacy.dp.errors import LedgerDamaged
from privacy.dp.store import SCHEMA, Transaction
from privacy.storage.anchor import Anchored, AnchorError, AnchorFile, flush_folder
from privacy.storage.atomic_file import PRIVATE_FOLDER_MODE
from privacy.storage.database import SqliteDatabase, open_file
from privacy.storage.hash_chain import EMPTY, ChainHead
from privacy.storage.lock import FileLock

# How often a process checks whether another one has flushed its spend; a flush takes milliseconds.
LOOK_SECONDS = 0.001
# After this many entries, the log is copied into the file while writers continue.
CHECKPOINT_ENTRIES = 1000
# At this many pages of log (128 MB; a spend writes about five), a commit copies it into the file and writers wait.
MOST_LOG_PAGES = 32_000


class _SqliteTransaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()


class SqliteStore:
    """A ledger's tables in the file `path`, its anchor in the file `anchor`."""

    def __init__(self, path: Path, anchor: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER_MODE)
        self.path = path
        self._anchor = AnchorFile(anchor)
        self._writers = FileLock(path.with_name(path.name + ".lock"))
        self._settlers = FileLock(path.with_name(path.name + ".settle"))
        self._readers = threading.Lock()
        if not path.exists() or self.anchored() is None:
            self._create()
        self._connection, self._reader = _connect(path), _connect(path)
        self._inode = path.stat().st_ino
        # The first read attaches to the log. SQLite deletes a log only when no connection is attached.
        self._newest()
        self._log = os.open(path.with_name(path.name + "-wal"), os.O_RDONLY)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Begin a transaction; one writer at a time, in order of arrival."""
        with self._writers.hold():
            self._require_same_file()
            with self._connection.transaction():
                yield _SqliteTransaction(self._connection)

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """Yield one state of the file. With a write-ahead log, readers and writers do not wait for each other."""
        with self._readers:
            self._require_same_file()
            self._reader.execute("BEGIN")
            try:
                yield _SqliteTransaction(self._reader)
            finally:
                self._reader.execute("ROLLBACK")

    def settle(self, head: ChainHead) -> None:
        """Flush the log and move the anchor, or wait until another process has done so for this or a later head.

        The process that gets the lock flushes for all. The others watch the anchor instead of queueing for the lock:
        in a queue, a process whose spend is flushed already would wait for the flushes of later ones.
        """
        while (anchored := self.anchored()) is None or anchored.head.number < head.number:
            with self._settlers.try_hold() as is_mine:
                if is_mine:
                    self._flush_all()
            if not is_mine:
                time.sleep(LOOK_SECONDS)

    def anchored(self) -> Anchored | None:
        """Return the content of the anchor file; None if there is no file."""
        try:
            return self._anchor.read()
        except AnchorError as error:
            raise LedgerDamaged(error.message) from error

    def close(self) -> None:
        """Close the connections, the locks and the anchor."""
        os.close(self._log)
        for opened in (self._reader, self._connection, self._writers, self._settlers, self._anchor):
            opened.close()

    def _flush_all(self) -> None:
        try:
            known, newest = self._anchor.head(), self._newest()
            os.fdatasync(self._log)
            self._anchor.advance(newest)
        except AnchorError as error:
            raise LedgerDamaged(error.message) from error
        if newest.number // CHECKPOINT_ENTRIES > known.number // CHECKPOINT_ENTRIES:
            # A passive checkpoint waits for no other connection and stops none.
            with self._readers:
                self._reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _create(self) -> None:
        """Create the file and its anchor, unless another process has done so meanwhile."""
        with self._writers.hold():
            with closing(_connect(self.path)) as connection:
                for statement in SCHEMA:
                    connection.execute(statement)
                is_empty = connection.execute("SELECT number FROM dp_entry LIMIT 1").fetchone() is None
            if is_empty:
                self._anchor.create()
            flush_folder(self.path.parent)

    def _newest(self) -> ChainHead:
        with self._readers:
            rows = self._reader.execute("SELECT number, digest FROM dp_entry ORDER BY number DESC LIMIT 1").fetchall()
        return ChainHead(*rows[0]) if rows else EMPTY

    def _require_same_file(self) -> None:
        try:
            is_same = self.path.stat().st_ino == self._inode
        except FileNotFoundError:
            is_same = False
        if not is_same:
            raise LedgerDamaged(
                f"The ledger {self.path} was replaced while it was open. Restore the newest copy, then open it again"
            )


def _connect(path: Path) -> SqliteDatabase:
    # Commits are flushed by settle(); copying the log into the file still flushes both.
    connection = open_file(path, "", flushes_commits=False)
    connection.execute(f"PRAGMA wal_autocheckpoint={MOST_LOG_PAGES}")
    return connection
