"""The tables of the stores in a PostgreSQL server, shared by several machines. Needs the extra `fleet` (psycopg).

All tables lie in one schema, and each store has a row in `store_version`. A change begins by raising the store's
version. That row is locked until the commit, so a store has one writer at a time over all machines, numbers are
committed in their order, and a reader sees by the version that something was written.

The server ends the transaction of a killed process at once, and that of a machine that has gone after
`IDLE_SECONDS`. Connections are shared by the stores of a process, and each is used by one thread at a time. Between
the process and the server, a pooler may stand only if it keeps sessions.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from enum import Enum
from functools import cache
from typing import Any

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from privacy.storage.database import AMONG, BUSY_SECONDS, ServerConflict, ServerFault
from privacy.storage.lock import LockBusyError

SCHEMA = "bojagi"
"""The schema of all tables."""
IDLE_SECONDS = 60
"""The server ends a transaction that sends nothing for so long; its machine has gone."""
CONNECT_SECONDS = 10
_POLL_SECONDS, _STREAMED = 0.1, 10_000
"""Rows that are in memory at once while a query is streamed."""
_Connection = psycopg.Connection[tuple[Any, ...]]
_SINGLE = ("SELECT", "VACUUM")
"""Statements that need no transaction, and change no row."""
_AMONG = "IN (SELECT json_array_elements_text(%s::json))"
_SESSION = (
    f"SET search_path = {SCHEMA}; SET lock_timeout = '{BUSY_SECONDS}s'; SET TIME ZONE 'UTC'; "
    f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'"
)
GUARD = "BEGIN RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END"
"""Body of the trigger function that refuses changes of append-only tables."""
_APPEND_ONLY = {
    "audit": ("entry",), "consent": ("record", "membership"), "rights": ("event",),
}  # fmt: skip
_TRIGGERS = """
SELECT c.relname || '.' || t.tgname, concat_ws(' ', t.tgenabled, t.tgtype, p.prosrc) FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(?)
UNION ALL SELECT c.relname || '.' || r.rulename, 'rule' FROM pg_rewrite r
JOIN pg_class c ON c.oid = r.ev_class
WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(?) AND c.relkind = 'r'
"""
# PostgreSQL's bits of a trigger: row 1, before 2, delete 8, update 16, truncate 32.
_OWN_TRIGGERS = {"append_only": f"O 27 {GUARD}", "not_emptied": f"O 34 {GUARD}"}


class PostgresServer:
    """A PostgreSQL database and this process's connections to it. Safe under threads; a fork makes its own."""

    def __init__(
        self, conninfo: str, password: str | None = None, prepare: Callable[[str], None] | None = None
    ) -> None:
        """Name the database; it is connected when it is used.

        Args:
            conninfo: URL or connection string of libpq.
            password: replaces the one in `conninfo`.
            prepare: checks, before the first use, that the tables are those of this version, or creates them.
        """
        given = {} if password is None else {"password": password}
        try:
            self.conninfo = make_conninfo(conninfo, **({"connect_timeout": CONNECT_SECONDS} | given))
            parts = conninfo_to_dict(self.conninfo)
        except psycopg.ProgrammingError:
            raise ServerFault("database: not a URL such as postgresql://user@host:5432/name.") from None
        place = f"{parts.get('host', 'localhost')}:{parts.get('port', '5432')}"
        self.name = f"PostgreSQL {place}/{parts.get('dbname', '')}"
        self._prepare, self._is_prepared = prepare, False
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._inherited: list[_Connection] = []
        self._begin_pool()

    def _begin_pool(self) -> None:
        self._idle: list[_Connection] = []
        weakref.finalize(self, _close_all, self._idle, self._process)

    def __str__(self) -> str:
        return self.name

    def open(self, store: str) -> PostgresDatabase:
        """Return the tables of a store.

        Raises:
            ServerFault: the server does not answer, or has other tables than this version of Bojagi.
        """
        with self._lock:
            if not self._is_prepared and self._prepare is not None:
                self._prepare(self.conninfo)
            self._is_prepared = True
        return PostgresDatabase(self, store)

    def close(self) -> None:
        """Close the connections that are not in use. A later use connects anew."""
        with self._lock:
            self._is_prepared = False
        self.drop_idle()

    def ledger_conninfo(self) -> str:
        """Return the connection string of the privacy ledger, whose tables lie in the same schema.

        Raises:
            ServerFault: as `open`.
        """
        self.open("audit")
        return make_conninfo(self.conninfo, options=f"-c search_path={SCHEMA}")

    @contextmanager
    def connection(self) -> Iterator[_Connection]:
        """Yield a connection for the block. One that was broken, or is left in a transaction, is closed."""
        taken = self._take()
        try:
            yield taken
        finally:
            if not taken.closed and taken.info.transaction_status == pq.TransactionStatus.IDLE:
                with self._lock:
                    self._idle.append(taken)
            else:
                taken.close()

    @contextmanager
    def holding(self, name: str, wait_seconds: float) -> Iterator[None]:
        """Hold the lock of a name for the block. The server releases it with the connection, so with the process.

        Raises:
            LockBusyError: another process holds it, also after `wait_seconds`.
            ServerFault: the server does not answer, or was restarted during the block, so that the lock was lost.
        """
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        end = time.monotonic() + wait_seconds
        with faults(self.name):
            connection = psycopg.connect(self.conninfo, autocommit=True)
        with closing(connection):
            with faults(self.name):  # the machine of a process may vanish without a word
                connection.execute(f"SET tcp_keepalives_idle = {IDLE_SECONDS}")
                while connection.execute("SELECT pg_try_advisory_lock(%s)", (number,)).fetchone() != (True,):
                    if time.monotonic() >= end:
                        raise LockBusyError(f"{self.name}: another process holds {name}.")
                    time.sleep(_POLL_SECONDS)
            yield
            with faults(self.name):
                connection.execute("SELECT 1")

    def drop_idle(self) -> None:
        """Close the connections that are not in use: the server was restarted."""
        with self._lock:
            self._forget_inherited()
            _close_all(self._idle, self._process)

    def _take(self) -> _Connection:
        with self._lock:
            self._forget_inherited()
            if self._idle:
                return self._idle.pop()
        with faults(self.name):
            made = psycopg.connect(self.conninfo, autocommit=True)
            try:
                made.execute(_SESSION)
                for setting in ("fsync", "synchronous_commit"):
                    row = made.execute(f"SHOW {setting}").fetchone()
                    if row is None or row[0] == "off":
                        raise ServerFault(f"{self} runs with {setting}=off and can lose commits. Set {setting}=on.")
            except BaseException:
                made.close()
                raise
        return made

    def _forget_inherited(self) -> None:
        """Leave the connections of the process that was forked to that process; closing them would end its sessions."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._inherited += self._idle
            self._begin_pool()


def _close_all(connections: list[_Connection], process: int) -> None:
    """Close and forget connections of this process."""
    while process == os.getpid() and connections:
        connections.pop().close()


class PostgresDatabase:
    """The tables of one store on a server, see `Database`. Safe under threads."""

    is_shared = True
    join_function = "string_agg"

    def __init__(self, server: PostgresServer, store: str) -> None:
        self.server, self.store = server, store
        self._own = threading.local()
        self._opened = self._state()

    @property
    def database_id(self) -> str:
        """The random id that the database got with its tables; a restored copy has the same."""
        return self._state()[0]

    @property
    def in_transaction(self) -> bool:
        """Whether the calling thread is inside `transaction` or `reading`."""
        return self._connection is not None

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run one statement, see `Database.execute`. A query is repeated once if the server was restarted."""
        if (connection := self._connection) is not None:
            with faults(self.server.name):
                return connection.execute(_translated(sql), _plain(values))
        if not sql.lstrip().startswith(_SINGLE):
            with self.transaction():
                return self.execute(sql, values)
        return self._repeated(lambda connection: connection.execute(_translated(sql), _plain(values)))

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> None:
        """Run one statement for each row, see `Database.executemany`."""
        with self._joined() as connection, faults(self.server.name):
            connection.cursor().executemany(_translated(sql), map(_plain, rows))

    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query through a cursor on the server, see `Database.stream`."""
        with (
            self.server.connection() as connection,
            faults(self.server.name),
            connection.transaction(),
            connection.cursor("stream") as cursor,
        ):
            cursor.itersize = _STREAMED
            yield from cursor.execute(_translated(sql), _plain(values))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all changes of the block, or none if it raises; one writer at a time over all machines."""
        raised = f"UPDATE store_version SET version = version + 1 WHERE store = '{self.store}'"
        with self._begun(f"BEGIN ISOLATION LEVEL READ COMMITTED; {raised}"):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep writers out during the block, see `Database.reading`."""
        if self._connection is not None:
            yield
            return
        held = f"SELECT 1 FROM store_version WHERE store = '{self.store}' FOR SHARE"
        with self._begun(f"BEGIN ISOLATION LEVEL READ COMMITTED; {held}"):
            yield

    def data_version(self) -> tuple[int, int]:
        """Return the store's version, which every change raises; 0 for a store that was never written."""
        return self._state()[1], 0

    def is_replaced(self) -> bool:
        """Return whether the database was made anew, or an older copy was restored, since the last call."""
        before, self._opened = self._opened, self._state()
        return before[0] != self._opened[0] or before[1] > self._opened[1]

    @contextmanager
    def erasing(self, *tables: str) -> Iterator[None]:
        """Commit deletions and rewrite the tables without their bytes, see `Database.erasing`.

        The server's write-ahead log and its backups keep the bytes until they expire.
        """
        with self.transaction():
            guarded = [table for table in tables if table in _APPEND_ONLY.get(self.store, ())]
            for table in guarded:
                self.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            yield
            for table in guarded:
                self.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        self.vacuum(*tables)

    def vacuum(self, *tables: str) -> None:
        """Rewrite the tables, see `Database.vacuum`; waits for everyone who uses them."""
        for table in tables:
            self.execute(f"VACUUM FULL {table}")

    def schema_faults(self) -> list[str]:
        """Return the triggers and rules of append-only tables that were added, changed or removed."""
        tables = list(_APPEND_ONLY.get(self.store, ()))
        found = dict(self.execute(_TRIGGERS, (tables, tables)).fetchall())
        own = {f"{table}.{name}": state for table in tables for name, state in _OWN_TRIGGERS.items()}
        return sorted(name for name in found.keys() | own.keys() if found.get(name) != own.get(name))

    def close(self) -> None:
        """Do nothing: the server object closes its connections."""

    @property
    def _connection(self) -> _Connection | None:
        found: _Connection | None = getattr(self._own, "connection", None)
        return found

    def _state(self) -> tuple[str, int]:
        row = self.execute("SELECT database_id, version FROM store_version WHERE store = ?", (self.store,)).fetchone()
        if row is None:
            raise ServerFault(f"{self.server} has no store {self.store!r}. Run `bojagi database upgrade`.")
        return str(row[0]), int(row[1])

    @contextmanager
    def _joined(self) -> Iterator[_Connection]:
        """Yield the connection of the running transaction, or of one of its own."""
        if (connection := self._connection) is not None:
            yield connection
            return
        with self.transaction():
            begun = self._connection
            assert begun is not None
            yield begun

    @contextmanager
    def _begun(self, begin: str) -> Iterator[None]:
        with ExitStack() as stack:
            connection = self._begin(stack, begin)
            self._own.connection = connection
            try:
                yield
            except BaseException:
                self._own.connection = None
                if not connection.closed:
                    with faults(self.server.name):
                        connection.execute("ROLLBACK")
                raise
            self._own.connection = None
            with faults(self.server.name):
                connection.execute("COMMIT")

    def _begin(self, stack: ExitStack, begin: str) -> _Connection:
        """Begin on a connection that `stack` gives back; on a new one if the server has closed the first."""
        connection = stack.enter_context(self.server.connection())
        try:
            with faults(self.server.name):
                connection.execute(begin)
        except ServerFault:
            if not connection.closed:
                connection.execute("ROLLBACK")
                raise
            self.server.drop_idle()
            connection = stack.enter_context(self.server.connection())
            with faults(self.server.name):
                connection.execute(begin)
        return connection

    def _repeated(
        self, work: Callable[[_Connection], psycopg.Cursor[tuple[Any, ...]]]
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        """Return what `work` returns; once more on a new connection if the server has closed the first."""
        with self.server.connection() as connection:
            try:
                with faults(self.server.name):
                    return work(connection)
            except ServerFault:
                if not connection.closed:
                    raise
        self.server.drop_idle()
        with self.server.connection() as connection, faults(self.server.name):
            return work(connection)


@contextmanager
def faults(place: str) -> Iterator[None]:
    """Raise an error of psycopg in the block as `ServerFault`, without the values that its details may have."""
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        raise ServerConflict(f"{place}: {error.diag.message_primary}") from None
    except psycopg.Error as error:
        raise ServerFault(f"{place}: {_reason(error)}") from None


def _reason(error: psycopg.Error) -> str:
    state = error.sqlstate
    if state is None:
        return f"does not answer ({str(error).strip().splitlines()[0]}). Start it, or correct the setting `database`"
    # Other classes, such as data exceptions (22), repeat values in their text.
    speaks = state[:2] in {"08", "23", "28", "3D", "40", "42", "53", "55", "57"}
    return f"{error.diag.message_primary} (SQLSTATE {state})" if speaks else f"refused a statement (SQLSTATE {state})"


def _plain(values: Sequence[Any]) -> list[Any]:
    """Return the values with those of enumerations as SQLite stores them: psycopg would store their names."""
    return [value.value if isinstance(value, Enum) else value for value in values]


@cache
def _translated(sql: str) -> str:
    return sql.replace("%", "%%").replace(AMONG, _AMONG).replace("?", "%s")
