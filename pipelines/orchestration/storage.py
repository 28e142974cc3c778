"""Dagster's SQLite storage with its connections kept open.

For every event Dagster opens an SQLite connection several times, commits (with an fsync) and closes it, and
the last close of a write-ahead log folds it back in. For 47 tables with one check each that was 20-28 s on a
laptop's disk. With connections kept open and ``synchronous = NORMAL`` it is 1 s. NORMAL in write-ahead mode
survives a killed process whole; only a power cut may lose the last events of the run log, on which no table
depends.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from dagster._core.events import ASSET_EVENTS
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, CursorResult, Engine, create_engine, event

OPEN_SHARDS = 8
"""Run logs kept open at once. A run writes one; the UI reads a handful."""


class OpenEventLog(SqliteEventLogStorage):
    """Dagster's event log that keeps the connections of the last few shards open."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None):
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    def has_table(self, table_name: str) -> bool:
        """Say whether the index has a table; a table once seen stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store the materializations of many partitions in two transactions instead of two each."""
        if any(entry.dagster_event_type not in ASSET_EVENTS for entry in events):
            super().store_event_batch(events)
            return
        inserts = [self.prepare_insert_event(entry) for entry in events]
        with self.run_connection(events[0].run_id) as connection:
            for insert in inserts:
                connection.execute(insert)
        with self.index_connection() as connection:
            ids = [_row_id(connection.execute(insert)) for insert in inserts]
            self._store_asset_event_tags(connection, events, ids)
            self._store_asset_event(connection, events[-1], ids[-1])

    def dispose(self) -> None:
        """Close every connection; the last one of each file folds its write-ahead log back in."""
        with self._db_lock:
            for engine in self._engines.values():
                engine.dispose()
            self._engines.clear()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _engine(self, shard: str) -> Engine:
        engine = self._engines.pop(shard, None)
        if engine is None:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                pool_size=1,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
            )
            event.listen(engine, "connect", _relax_fsync)
        self._engines[shard] = engine
        while len(self._engines) > OPEN_SHARDS:
            self._engines.popitem(last=False)[1].dispose()
        return engine


class OpenSqliteStorage(DagsterSqliteStorage):
    """Dagster's SQLite storage of runs, events and schedules, with :class:`OpenEventLog`."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None):
        super().__init__(base_dir, inst_data)
        events = self._event_log_storage
        self._event_log_storage = OpenEventLog(events._base_dir, events.inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "OpenSqliteStorage":
        """Build it from the ``storage.custom.config`` of dagster.yaml."""
        return cls.from_local(inst_data=inst_data, **config_value)


def _row_id(result: CursorResult[Any]) -> int:
    key = result.inserted_primary_key
    if key is None:
        raise LookupError("SQLite gave no id to a stored event")
    return int(key[0])


def _relax_fsync(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")
