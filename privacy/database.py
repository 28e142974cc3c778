"""SQLite files that only their owner may read: opened durable, changed in transactions."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from privacy.private_file import PRIVATE_FOLDER_MODE, PRIVATE_MODE

BUSY_SECONDS = 30
"""How long a writer waits for another process."""


def open_database(path: Path, schema: str, *, overwrites: bool = False) -> sqlite3.Connection:
    """Open a file, made when there is none; a commit that returns is on the disk.

    Args:
        path: the file.
        schema: statements that make what is not there yet.
        overwrites: what is deleted is overwritten in the file, and no journal keeps it.

    Raises:
        OSError: the file cannot be made.
        sqlite3.Error: it cannot be opened, or is no database.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER_MODE)
    path.touch(mode=PRIVATE_MODE)
    # Threads do not share a connection, but the one that ends an installation closes all.
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    if overwrites:
        connection.execute("PRAGMA secure_delete = ON")
    connection.execute(f"PRAGMA journal_mode = {'DELETE' if overwrites else 'WAL'}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(schema)
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Change all or nothing, one writer at a time."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
