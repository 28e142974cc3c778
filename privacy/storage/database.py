"""SQLite files that only their owner may read, and transactions on them."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from privacy.storage.atomic_file import PRIVATE_MODE, create_private_folder

BUSY_SECONDS = 30
"""How long a connection waits for a write of another process."""


def open_database(
    path: Path, schema: str, *, overwrites: bool = False, flushes_commits: bool = True
) -> sqlite3.Connection:
    """Open an SQLite file, and create it if there is none. Transactions are begun by hand (`transaction`).

    Args:
        path: the file.
        schema: SQL statements that create what does not exist yet.
        overwrites: whether deleted content is overwritten in the file at once and kept in no journal.
        flushes_commits: whether a commit is on the disk when it returns. False only for a caller that flushes the
            write-ahead log itself, for several commits at once.

    Any thread may close the connection, but only one thread at a time may use it.

    Raises:
        OSError: the file cannot be created.
        sqlite3.Error: the file cannot be opened, or is not a database.
    """
    create_private_folder(path.parent)
    path.touch(mode=PRIVATE_MODE)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    if overwrites:
        connection.execute("PRAGMA secure_delete = ON")
    connection.execute(f"PRAGMA journal_mode = {'DELETE' if overwrites else 'WAL'}")
    connection.execute(f"PRAGMA synchronous = {'FULL' if flushes_commits else 'NORMAL'}")
    connection.executescript(schema)
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit all changes of the block, or none if it raises. One writer at a time."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def is_replaced(path: Path, opened: os.stat_result) -> bool:
    """Return whether another file, or none, has the path now; who opened the former file still uses that one."""
    try:
        return not os.path.samestat(opened, os.stat(path))
    except OSError:
        return True
