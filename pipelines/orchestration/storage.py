"""Dagster's SQLite storage with its connections kept open.

For each event Dagster opens an SQLite connection several times, commits with an fsync and closes it, and the last
close of a write-ahead log checkpoints it. For 47 tables with one check each this took 20 to 28 s on a laptop's disk.
With open connections and ``synchronous = NORMAL`` it takes 1 s. NORMAL in write-ahead mode loses nothing when a
process is killed. A power failure may lose the last events of the run log; no table depends on them.

It also withdraws the plan to materialise an asset that the run then observes, see `table_event`.

The imports from ``dagster._core`` are private: Dagster lets a storage be replaced (``storage.custom`` in dagster.yaml)
but does not export the classes that a replacement derives from. The version of Dagster is locked, and the tests read
with Dagster's own storage what this one has written.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from dagster._core.events import ASSET_EVENTS, DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.schema import AssetKeyTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, CursorResult, Engine, create_engine, event, select

from pipelines.orchestration.run_log import log_run_event

OPEN_SHARDS = 8
"""Run logs kept open at once. A run writes one; the UI reads a few."""


class OpenEventLog(SqliteEventLogStorage):
    """Dagster's event log that keeps the connections of the last few shards open."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None):
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    def has_table(self, table_name: str) -> bool:
        """Say whether the index has a table. The answer yes is remembered, because Dagster drops no table."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, and log it."""
        super().store_event(event)
        log_run_event(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store the materialisations of many partitions in two transactions, not in two for each partition."""
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

    def _store_asset_event(self, conn: Connection, event: EventLogEntry, event_id: int) -> None:
        super()._store_asset_event(conn, event, event_id)
        if event.dagster_event_type is DagsterEventType.ASSET_OBSERVATION:
            withdraw_plan(conn, event)

    def dispose(self) -> None:
        """Close every connection. The last one of each file checkpoints its write-ahead log."""
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
        """Build the storage from the ``storage.custom.config`` of dagster.yaml."""
        return cls.from_local(inst_data=inst_data, **config_value)


def withdraw_plan(connection: Connection, observation: EventLogEntry) -> None:
    """Remove from the index that the run planned to materialise the asset that it has observed instead.

    Otherwise the UI would show a current table as failed when another table of the run has failed: it takes an asset
    for failed when its newest planned materialisation belongs to a failed run. The log of the run itself stays whole.
    """
    key = observation.get_dagster_event().asset_key
    if key is None:
        return
    events, assets, name = SqlEventLogStorageTable.c, AssetKeyTable.c, key.to_string()
    connection.execute(
        SqlEventLogStorageTable.delete().where(
            events.run_id == observation.run_id,
            events.asset_key == name,
            events.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION_PLANNED.value,
        )
    )
    written_by = (
        select(events.run_id)
        .where(events.asset_key == name, events.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION.value)
        .order_by(events.id.desc())
        .limit(1)
    )
    connection.execute(
        AssetKeyTable.update().where(assets.asset_key == name).values(last_run_id=written_by.scalar_subquery())
    )


def _row_id(result: CursorResult[Any]) -> int:
    key = result.inserted_primary_key
    if key is None:
        raise LookupError("SQLite returned no id for a stored event.")
    return int(key[0])


def _relax_fsync(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")
