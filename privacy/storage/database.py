"""The database of a store: an SQLite file that only its owner may read, or tables of a PostgreSQL server.

A store states its SQL once, in what both engines understand: `?` for a value, `AMONG` for a list of any length,
`ON CONFLICT` for a row that may exist. What they do differently is a method of `Database`.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from privacy.errors import PrivacyError
from privacy.storage.atomic_file import PRIVATE_MODE, create_private_folder

BUSY_SECONDS = 30
"""How long a connection waits for a write of another process."""
AMONG = "IN (SELECT value FROM json_each(?))"
"""Condition for a list of any length, given as a JSON array of texts: both engines limit the number of values."""
_STREAMED = 10_000
"""Rows that are in memory at once while a query is streamed."""


class ServerFault(PrivacyError):
    """The PostgreSQL server does not answer, or refused a statement. The message has no values."""


class ServerConflict(ServerFault):
    """A row exists already."""


DATABASE_ERRORS: Final = (sqlite3.Error, ServerFault)
"""What a store's database raises when it cannot be used, whichever engine it is on."""
CONFLICTS: Final = (sqlite3.IntegrityError, ServerConflict)
"""What it raises for a row that exists already."""


class Rows(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int:
        """The number of changed rows."""

    def fetchone(self) -> Any:
        """Return the next row; None after the last."""

    def fetchmany(self, size: int) -> list[Any]:
        """Return the next rows; none after the last."""

    def fetchall(self) -> list[Any]:
        """Return all further rows."""

    def __iter__(self) -> Iterator[Any]:
        """Yield all further rows."""


class Database(Protocol):
    """The tables of one store. Any number of processes, on PostgreSQL also of machines, may write."""

    @property
    def is_shared(self) -> bool:
        """Whether other machines write as well, each with an anchor of its own."""

    @property
    def join_function(self) -> str:
        """The aggregate that joins texts by a separator, in the order of its rows."""

    @property
    def in_transaction(self) -> bool:
        """Whether the calling thread is inside `transaction` or `reading`."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Rows:
        """Run one statement. Outside `transaction` it is committed at once."""

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> object:
        """Run one statement for each row, inside `transaction`."""

    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """Yield the rows of a query of any size, all from one state, in bounded memory."""

    def transaction(self) -> AbstractContextManager[None]:
        """Commit all changes of the block, or none if it raises. One writer at a time."""

    def reading(self) -> AbstractContextManager[None]:
        """Keep writers out during the block; inside `transaction` it changes nothing."""

    def data_version(self) -> tuple[int, int]:
        """Return numbers that change when this or another connection has written."""

    def is_replaced(self) -> bool:
        """Return whether another database, or none, is in the place of the opened one."""

    def erasing(self, *tables: str) -> AbstractContextManager[None]:
        """Commit deletions from append-only tables; afterwards their bytes are gone from the tables."""

    def vacuum(self, *tables: str) -> None:
        """Rewrite the tables without the bytes of deleted and former rows."""

    def schema_faults(self) -> list[str]:
        """Return what another program has added to the store's tables, changed or removed, such as a trigger."""

    def close(self) -> None:
        """Close the connection."""


class Server(Protocol):
    """A database server on which the stores have tables, see `privacy.storage.postgres.PostgresServer`."""

    def open(self, store: str) -> Database:
        """Return the tables of a store."""


Place: TypeAlias = Path | Server
"""Where a store keeps its rows: the path of its file, or the server."""


class SqliteDatabase(sqlite3.Connection):
    """An SQLite file, see `Database`. Any thread may close it, but only one thread at a time may use it."""

    path: Path
    file: os.stat_result
    schema: str
    is_shared = False
    join_function = "group_concat"

    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """Yield the rows of a query, see `Database.stream`."""
        cursor = self.execute(sql, values)
        while rows := cursor.fetchmany(_STREAMED):
            yield from rows

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all changes of the block, or none, see `Database.transaction`."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep writers from committing during the block, see `Database.reading`."""
        if self.in_transaction:
            yield
            return
        self.execute("BEGIN")
        try:
            yield
        finally:
            self.execute("COMMIT")

    def data_version(self) -> tuple[int, int]:
        """Return numbers that change with the file's content; takes microseconds."""
        return int(self.execute("PRAGMA data_version").fetchone()[0]), self.total_changes

    def is_replaced(self) -> bool:
        """Return whether another file, or none, has the path now; this object still reads the former file."""
        return is_replaced(self.path, self.file)

    @contextmanager
    def erasing(self, *tables: str) -> Iterator[None]:
        """Commit deletions and rewrite the file without their bytes, see `Database.erasing`.

        A reader that is busy for longer than a moment keeps the write-ahead log from being emptied.
        """
        self.execute("PRAGMA secure_delete = ON")
        query = f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name {AMONG}"
        with self.transaction():
            triggers = self.execute(query, (json.dumps(tables),)).fetchall()
            for name, _ in triggers:
                self.execute(f"DROP TRIGGER {name}")
            yield
            for _, sql in triggers:
                self.execute(sql)
        self.vacuum()

    def vacuum(self, *_tables: str) -> None:
        """Rewrite the file, see `Database.vacuum`."""
        self.execute("VACUUM")
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def schema_faults(self) -> list[str]:
        """Return what differs between the file's schema and the one that it was opened with."""
        query = "SELECT type || ' ' || name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
        found, own = dict(self.execute(query).fetchall()), _schema_of(self.schema)
        foreign = sorted(found.keys() - own.keys())
        changed = [name for name, sql in found.items() if name in own and (sql or "").split() != own[name].split()]
        return foreign or [*changed, *sorted(own.keys() - found.keys())]


@cache
def _schema_of(statements: str) -> dict[str, str]:
    with closing(sqlite3.connect(":memory:")) as memory:
        memory.executescript(statements)
        return dict(memory.execute("SELECT type || ' ' || name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"))


def open_database(
    place: Place, schema: str, store: str = "", *, overwrites: bool = False, flushes_commits: bool = True
) -> Database:
    """Open a store's database; on a server its tables exist already, see `installation.database`.

    Args:
        place: the SQLite file, which is created if there is none, or the server.
        schema: SQL statements that create in SQLite what does not exist yet.
        store: name of the store on a server.
        overwrites: see `open_file`.
        flushes_commits: see `open_file`.

    Raises:
        OSError: the file cannot be created.
        sqlite3.Error: the file cannot be opened, or is not a database.
        ServerFault: the server does not answer, or has other tables than this version of Bojagi.
    """
    if isinstance(place, Path):
        return open_file(place, schema, overwrites=overwrites, flushes_commits=flushes_commits)
    return place.open(store)


def open_file(path: Path, schema: str, *, overwrites: bool = False, flushes_commits: bool = True) -> SqliteDatabase:
    """Open an SQLite file, and create it if there is none. Transactions are begun by hand.

    Args:
        path: the file.
        schema: SQL statements that create what does not exist yet.
        overwrites: whether deleted content is overwritten in the file at once and kept in no journal.
        flushes_commits: whether a commit is on the disk when it returns. False only for a caller that flushes the
            write-ahead log itself, for several commits at once.

    Raises:
        OSError: the file cannot be created.
        sqlite3.Error: the file cannot be opened, or is not a database.
    """
    create_private_folder(path.parent)
    path.touch(mode=PRIVATE_MODE)
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, factory=SqliteDatabase
    )
    if overwrites:
        connection.execute("PRAGMA secure_delete = ON")
    connection.execute(f"PRAGMA journal_mode = {'DELETE' if overwrites else 'WAL'}")
    connection.execute(f"PRAGMA synchronous = {'FULL' if flushes_commits else 'NORMAL'}")
    connection.executescript(schema)
    connection.path, connection.file, connection.schema = path, path.stat(), schema
    return connection


def transaction(database: Database) -> AbstractContextManager[None]:
    """Commit all changes of the block, or none if it raises. One writer at a time."""
    return database.transaction()


def is_replaced(path: Path, opened: os.stat_result) -> bool:
    """Return whether another file, or none, has the path now; who opened the former file still uses that one."""
    try:
        return not os.path.samestat(opened, os.stat(path))
    except OSError:
        return True


def is_unwritten(place: Place, store: str) -> bool:
    """Return whether a store was never written in this place, or is gone."""
    return not place.exists() if isinstance(place, Path) else place.open(store).data_version() == (0, 0)


def anchor_of(place: Place, anchor: Path | None) -> Path:
    """Return the path of a store's anchor on this machine: beside the file, if none is named."""
    if anchor is None:
        if not isinstance(place, Path):
            raise ValueError("A store on a server needs the path of this machine's anchor.")
        return place.with_name(f"{place.name}.anchor")
    return anchor
