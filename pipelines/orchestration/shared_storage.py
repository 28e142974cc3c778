"""Dagster's storage in the database of the stores, so that every machine shows the runs of all. Needs dagster-postgres.

Its connections are kept open: Dagster opens several for each event, which took most of a run. Its tables lie in a
schema of their own. The address is a variable of the environment, because dagster.yaml must not have the password, and
Dagster's own processes read it.
"""

from typing import Any
from urllib.parse import quote, urlencode

from dagster._core.events import DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.event_log import PostgresEventLogStorage
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection

from installation.errors import SettingsError
from installation.settings import Settings
from pipelines.orchestration.run_log import log_run_event
from pipelines.orchestration.storage import withdraw_plan

SCHEMA = "dagster"
STATEMENT_MILLISECONDS = 60_000
RECYCLE_SECONDS = 3600
MOST_CONNECTIONS = 20
"""Beyond the one that is kept open."""


class SharedEventLog(PostgresEventLogStorage):
    """Dagster's event log, which withdraws the plan to materialise an asset that the run then observes."""

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, and log it."""
        super().store_event(event)
        log_run_event(event)

    def _store_asset_event(self, conn: Connection, event: EventLogEntry, event_id: int) -> None:
        super()._store_asset_event(conn, event, event_id)
        if event.dagster_event_type is DagsterEventType.ASSET_OBSERVATION:
            withdraw_plan(conn, event)

    def dispose(self) -> None:
        """Stop watching, and close the connections."""
        super().dispose()
        self._engine.dispose()


class SharedStorage(DagsterPostgresStorage):
    """Dagster's PostgreSQL storage of runs, events and schedules, with :class:`SharedEventLog`."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None):
        super().__init__(postgres_url, inst_data=inst_data)
        self._event_log_storage = SharedEventLog(postgres_url)
        for storage in (self._event_log_storage, self._run_storage, self._schedule_storage):
            # Its name says when Dagster does this by itself.
            storage.optimize_for_webserver(STATEMENT_MILLISECONDS, RECYCLE_SECONDS, MOST_CONNECTIONS)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "SharedStorage":
        """Build the storage from the ``storage.custom.config`` of dagster.yaml."""
        return cls(config_value["postgres_url"], inst_data)


def storage_url(settings: Settings) -> str:
    """Return the address of Dagster's storage, and create its schema if there is none.

    Raises:
        SettingsError: the database does not answer.
    """
    import psycopg

    from installation.database import open_server
    from privacy.storage.database import ServerFault
    from privacy.storage.postgres import faults

    server = open_server(settings)
    assert server is not None
    try:
        with faults(server.name), psycopg.connect(server.conninfo, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    except ServerFault as error:
        raise SettingsError(error.message) from error
    parts = conninfo_to_dict(server.conninfo) | {"options": f"-c search_path={SCHEMA}"}
    # SQLAlchemy would choose psycopg 3, which takes no parameters in the NOTIFY of dagster-postgres.
    return f"postgresql+psycopg2:///?{urlencode(parts, quote_via=quote)}"
