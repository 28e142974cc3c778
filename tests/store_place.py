"""Where the tests of a store keep it: in an SQLite file, and in a real PostgreSQL server on the loopback address."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from installation.database import require_tables
from tests.database_server import postgres_server
from tests.engines import require_or_skip

if TYPE_CHECKING:
    from privacy.storage.database import Place
    from privacy.storage.postgres import PostgresServer


@dataclass(frozen=True)
class StorePlace:
    """An empty place for stores. `is_shared`: it is the server."""

    folder: Path
    server: PostgresServer | None

    @property
    def is_shared(self) -> bool:
        return self.server is not None

    def of(self, name: str) -> Place:
        """Return the file of that name, or the server."""
        return self.server or self.folder / name

    @contextmanager
    def other_machine(self) -> Iterator[PostgresServer]:
        """Yield the server as another machine connects to it."""
        from privacy.storage.postgres import PostgresServer

        assert self.server is not None
        server = PostgresServer(self.server.conninfo, None, require_tables)
        yield server
        server.close()

    def change(self, name: str, *statements: str) -> None:
        """Run statements as another program does that gets around the triggers."""
        with self.outside(name) as run:
            triggers = [] if self.is_shared else run("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            for trigger, _ in triggers:
                run(f"DROP TRIGGER {trigger}")
            if self.is_shared:
                run("SET session_replication_role = replica")
            for statement in statements:
                for part in filter(str.strip, statement.split(";")):
                    run(part)
            # Put back, so that only the change of the rows is left to be found.
            for _, sql in triggers:
                run(sql)

    @contextmanager
    def outside(self, name: str) -> Iterator[Any]:
        """Yield a function that runs a statement in the store, as another program, and returns the rows."""
        if self.server is None:
            with closing(sqlite3.connect(self.folder / name, isolation_level=None)) as db:
                yield lambda sql: db.execute(sql).fetchall()
            return
        import psycopg

        with psycopg.connect(self.server.conninfo, autocommit=True, options="-c search_path=bojagi") as connection:

            def run(sql: str) -> list[Any]:
                cursor = connection.execute(sql)
                return cursor.fetchall() if cursor.description else []

            yield run


@pytest.fixture(scope="session")
def postgres_stores() -> Iterator[PostgresServer]:
    try:
        from privacy.storage.postgres import PostgresServer
    except ImportError:
        require_or_skip("postgres", "the package psycopg is not installed")
    with postgres_server(flushes=True) as running:
        server = PostgresServer(f"postgresql://owner:owner@127.0.0.1:{running.port}/shop", None, require_tables)
        server.open("audit")
        yield server
        server.close()


@pytest.fixture
def postgres_stores_emptied(postgres_stores: PostgresServer) -> PostgresServer:
    """The server with the tables of all stores and of Dagster, as they are in a new database."""
    import psycopg

    made_once = ("alembic_version", "store_version", "secondary_indexes")
    with psycopg.connect(postgres_stores.conninfo, autocommit=True, options="-c search_path=bojagi") as connection:
        tables = connection.execute(
            "SELECT schemaname || '.' || tablename, tablename FROM pg_tables WHERE schemaname IN ('bojagi', 'dagster')"
        ).fetchall()
        emptied = ", ".join(name for name, table in tables if table not in made_once)
        connection.execute("SET session_replication_role = replica")
        connection.execute(f"TRUNCATE {emptied} RESTART IDENTITY")
        connection.execute("UPDATE store_version SET version = 0")
    return postgres_stores


@pytest.fixture(params=["sqlite", "postgresql"])
def store_place(request: pytest.FixtureRequest, tmp_path: Path) -> StorePlace:
    """An empty place on each engine."""
    server = request.getfixturevalue("postgres_stores_emptied") if request.param == "postgresql" else None
    return StorePlace(tmp_path, server)


@pytest.fixture
def postgres_place(postgres_stores_emptied: PostgresServer, tmp_path: Path) -> StorePlace:
    """An empty place on the server."""
    return StorePlace(tmp_path, postgres_stores_emptied)
