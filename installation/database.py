"""Opens the PostgreSQL database of the setting `database`, and brings its tables to the version of this program.

Alembic keeps the version in the table `alembic_version`. An empty database gets its tables at the first use. One with
tables of another version is refused: `bojagi database upgrade` migrates it, while no other machine uses it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from installation.errors import SettingsError
from installation.private_text import read_private_text
from installation.settings import Settings

if TYPE_CHECKING:
    import psycopg

    from privacy.storage.postgres import PostgresServer

HEAD = "0006"
"""The newest migration; a test compares it with the folder."""
_FOLDER = Path(__file__).parent / "migration"
_MIGRATION_LOCK = 0x626F6A6167696D69
"""Number of the advisory lock under which one process at a time migrates: "bojagimi" in ASCII."""


def open_server(settings: Settings, *, imports: bool = False) -> PostgresServer | None:
    """Return the server that the settings name; None if the stores are SQLite files. It connects at its first use.

    `imports`: whether stores may be left in files, for the command that imports them. Otherwise a store that is only in
    a file is a fault at the first use: an empty one would forget every objection and every erasure.

    Raises:
        SettingsError: psycopg is missing, the setting is no URL, or the file with the password cannot be read.
    """
    if settings.database is None:
        return None
    try:
        from privacy.storage.database import ServerFault
        from privacy.storage.postgres import PostgresServer
    except ImportError as error:
        raise SettingsError("database is set and psycopg is not installed; install bojagi[fleet].") from error
    password = None
    if settings.database_password_file is not None:
        password = read_private_text(settings.database_password_file, "database_password_file")

    def prepare(conninfo: str) -> None:
        require_tables(conninfo)
        if not imports:
            require_imported(settings, conninfo)

    try:
        return PostgresServer(settings.database.get_secret_value(), password, prepare)
    except ServerFault as error:
        raise SettingsError(error.message) from error


def require_tables(conninfo: str) -> None:
    """Check that the database has the tables of this version; create them in an empty one.

    Raises:
        ServerFault: it has those of another version.
    """
    from privacy.storage.database import ServerFault

    if (found := version_of(conninfo)) is None:
        migrate(conninfo)
    elif found != HEAD:
        step = "Run `bojagi database upgrade`" if found < HEAD else "Install the newer version of Bojagi"
        raise ServerFault(f"The tables in PostgreSQL are of version {found}; this program needs {HEAD}. {step}.")


def require_imported(settings: Settings, conninfo: str) -> None:
    """Check that no store of this machine is only in a file.

    Raises:
        ServerFault: one is.
    """
    from installation.store_file import unimported
    from privacy.storage.database import ServerFault
    from privacy.storage.postgres import SCHEMA, faults

    with _connected(conninfo) as connection, faults("PostgreSQL"):
        connection.execute(f"SET search_path = {SCHEMA}")
        found = unimported(settings, connection)
    if found:
        raise ServerFault(
            f"{', '.join(map(str, found))}: not in the database that the setting `database` names, and an empty store "
            "would forget it. Run `bojagi database import`, or move the files away."
        )


def store_versions(conninfo: str) -> dict[str, int]:
    """Return how often each store was changed, by its name."""
    from privacy.storage.postgres import SCHEMA, faults

    with _connected(conninfo) as connection, faults("PostgreSQL"):
        return dict(connection.execute(f"SELECT store, version FROM {SCHEMA}.store_version ORDER BY store").fetchall())


def version_of(conninfo: str) -> str | None:
    """Return the version of the tables; None if there are none.

    Raises:
        ServerFault: the server does not answer.
    """
    with _connected(conninfo) as connection:
        return _version(connection)


def migrate(conninfo: str, version: str = "head") -> str:
    """Bring the tables to a version, the newest by default, in one transaction, and return the version.

    Raises:
        ServerFault: the server does not answer, or refused a statement. Nothing was changed.
    """
    # Imported here, because only a migration needs them, and they take a fifth of a second to load.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    from privacy.storage.postgres import SCHEMA, faults

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    with _connected(conninfo) as connection, faults("PostgreSQL"):
        connection.execute("SELECT pg_advisory_lock(%s)", (_MIGRATION_LOCK,))
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        connection.execute(f"SET search_path = {SCHEMA}")
        connection.autocommit = False
        # The connection that has the lock is the one that migrates.
        engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
        with engine.connect() as wrapped:
            config.attributes.update(connection=wrapped, schema=SCHEMA)
            command.upgrade(config, version)
            wrapped.commit()
        return _version(connection) or ""


def _connected(conninfo: str) -> psycopg.Connection[Any]:
    import psycopg

    from privacy.storage.postgres import faults

    with faults("PostgreSQL"):
        return psycopg.connect(conninfo, autocommit=True)


def _version(connection: psycopg.Connection[Any]) -> str | None:
    from privacy.storage.postgres import SCHEMA, faults

    with faults("PostgreSQL"):
        row = connection.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.alembic_version",)).fetchone()
        if row is None or row[0] is None:
            return None
        found = connection.execute(f"SELECT version_num FROM {SCHEMA}.alembic_version").fetchone()
        return None if found is None else str(found[0])
