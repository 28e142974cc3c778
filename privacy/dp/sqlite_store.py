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
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from privacy.database import BUSY_SECONDS, transaction
from privacy.dp.anchor import EMPTY, FileAnchor, Head
from privacy.dp.errors import LedgerDamaged
from privacy.dp.store import SCHEMA, Transaction

# How often a process looks whether another has flushed its spend; a flush takes milliseconds.
LOOK_SECONDS = 0.001
# How many entries apart the log is carried over into the file, beside the writers.
CHECKPOINT_ENTRIES = 1000
# A log of so many pages (128 MB; a spend writes about five) is carried over by a commit, which writers wait for.
MOST_LOG_PAGES = 32_000


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

    @contextmanager
    def tried(self) -> Iterator[bool]:
        """Whether the lock was free; held, in that case, for the block."""
        is_held = self._threads.acquire(blocking=False)
        try:
            if is_held:
                try:
                    fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    self._threads.release()
                    is_held = False
            yield is_held
        finally:
            if is_held:
                fcntl.flock(self._file, fcntl.LOCK_UN)
                self._threads.release()

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
        self._readers = threading.Lock()
        if not path.exists() or self._anchor.read() is None:
            self._create()
        self._connection, self._reader = _connect(path), _connect(path)
        self._inode = path.stat().st_ino
        # The first read attaches to the log; SQLite deletes a log only when nobody is attached.
        self._newest()
        self._log = os.open(path.with_name(path.name + "-wal"), os.O_RDONLY)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One writer at a time, in order of arrival."""
        with self._writers.held():
            self._require_same_file()
            with transaction(self._connection):
                yield _SqliteTransaction(self._connection)

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """One state of the file; readers and writers of a write-ahead log do not wait for each other."""
        with self._readers:
            self._require_same_file()
            self._reader.execute("BEGIN")
            try:
                yield _SqliteTransaction(self._reader)
            finally:
                self._reader.execute("ROLLBACK")

    def settle(self, head: Head) -> None:
        """Flush the log and move the anchor, or wait until another process has done so for a later head.

        Whoever finds nobody flushing flushes for all. The others look at the anchor instead of queueing for the
        lock: in a queue, those whose spend is flushed already would wait for the flush of those who came later.
        """
        while (self._anchor.read() or EMPTY).seq < head.seq:
            with self._settlers.tried() as is_mine:
                if is_mine:
                    self._flush_all()
            if not is_mine:
                time.sleep(LOOK_SECONDS)

    def anchored(self) -> Head | None:
        """The head that the anchor file remembers."""
        return self._anchor.read()

    def close(self) -> None:
        """Close the connections, the locks and the anchor."""
        os.close(self._log)
        for opened in (self._reader, self._connection, self._writers, self._settlers, self._anchor):
            opened.close()

    def _flush_all(self) -> None:
        known, newest = self._anchor.read() or EMPTY, self._newest()
        os.fdatasync(self._log)
        self._anchor.advance(newest)
        if newest.seq // CHECKPOINT_ENTRIES > known.seq // CHECKPOINT_ENTRIES:
            # Beside the writers: a passive checkpoint waits for nobody and stops nobody.
            with self._readers:
                self._reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _create(self) -> None:
        """Make the file and its anchor; whoever comes second finds them made."""
        with self._writers.held():
            with closing(_connect(self.path)) as connection:
                for statement in SCHEMA:
                    connection.execute(statement)
                is_empty = connection.execute("SELECT seq FROM dp_entry LIMIT 1").fetchone() is None
            if is_empty and self._anchor.read() is None:
                self._anchor.advance(EMPTY)
            for folder in {self.path.parent, self._anchor.path.parent}:
                _flush(folder)

    def _newest(self) -> Head:
        with self._readers:
            rows = self._reader.execute("SELECT seq, digest FROM dp_entry ORDER BY seq DESC LIMIT 1").fetchall()
        return Head(*rows[0]) if rows else EMPTY

    def _require_same_file(self) -> None:
        try:
            is_same = self.path.stat().st_ino == self._inode
        except FileNotFoundError:
            is_same = False
        if not is_same:
            raise LedgerDamaged(f"The ledger {self.path} was replaced while it was open; stop and examine it")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    for pragma in (
        "journal_mode=WAL",
        # Commits are flushed by settle(); a checkpoint still flushes log and file.
        "synchronous=NORMAL",
        f"wal_autocheckpoint={MOST_LOG_PAGES}",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
