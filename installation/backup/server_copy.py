"""Copies the tables of the PostgreSQL database into files and back, each time in one transaction.

The rows are in the text format of `COPY`, so a copy can be read without this program.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from installation.backup.content import KEPT_DOCUMENTS, LIVE_DOCUMENTS, part_of_table
from installation.backup.place import BackupError
from installation.database import HEAD, migrate
from privacy.storage.postgres import SCHEMA, faults

if TYPE_CHECKING:
    import psycopg

    from privacy.storage.postgres import PostgresServer

_BACKUP_LOCK = 0x626F6A616769626B
"""Number of the advisory lock under which one machine at a time makes backups: "bojagibk" in ASCII."""
_MARK = "bojagi_scratch"
"""The schema that marks a scratch database."""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename"
_IDENTITIES = (
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s AND is_identity = 'YES'"
)


def dump(server: PostgresServer, folder: Path) -> list[str]:
    """Write every table into a file of its name, all as they are at one moment; return the names.

    Raises:
        ServerFault: the server does not answer, or has other tables than this version of Bojagi.
    """
    server.open("lakehouse")
    with _connected(server.conninfo) as connection, faults(server.name):
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = [str(row[0]) for row in connection.execute(_TABLES, (SCHEMA,))]
        names = [name for name in found if part_of_table(name)]
        copies = [(name, f'{SCHEMA}."{name}"') for name in names if name != "document"]
        is_kept, documents = f"store = ANY ('{{{','.join(KEPT_DOCUMENTS)}}}')", f"SELECT * FROM {SCHEMA}.document WHERE"
        copies += [("document", f"({documents} {is_kept})"), (LIVE_DOCUMENTS, f"({documents} NOT {is_kept})")]
        for name, source in copies:
            with (folder / name).open("wb") as file, connection.cursor().copy(f"COPY {source} TO STDOUT") as copy:
                for piece in copy:
                    file.write(piece)
    return [name for name, _ in copies]


def require_empty(conninfo: str) -> None:
    """Check that no store was ever written in the database.

    Raises:
        BackupError: one was.
    """
    with _connected(conninfo) as connection, faults("PostgreSQL"):
        row = connection.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.store_version",)).fetchone()
        if row is None or row[0] is None:
            return
        query = f"SELECT (SELECT sum(version) FROM {SCHEMA}.store_version), (SELECT count(*) FROM {SCHEMA}.dp_entry)"
        if any(connection.execute(query).fetchone() or ()):
            raise BackupError(
                "The database that the setting `database` names has stores already, and a restore never overwrites "
                "them. Name an empty database, or drop the schema `bojagi` yourself."
            )


def load(conninfo: str, version: str, tables: Iterable[tuple[str, Iterator[bytes]]]) -> None:
    """Fill an empty database: create the tables of a version, copy the rows, and migrate to this program's version.

    All rows are committed together, or none.

    Raises:
        BackupError: the database is not empty, or the copy is of a newer version of Bojagi.
        ServerFault: the server does not answer, or refused rows.
    """
    if version > HEAD:
        raise BackupError(f"The backup has tables of version {version}; this program knows {HEAD}. Install the newer.")
    require_empty(conninfo)
    migrate(conninfo, version)
    with _connected(conninfo) as connection, faults("PostgreSQL"):
        connection.execute("BEGIN")
        connection.execute(f"SET LOCAL search_path = {SCHEMA}")
        connection.execute("DELETE FROM store_version")
        for name, pieces in tables:
            with connection.cursor().copy(f'COPY "{name.partition("@")[0]}" FROM STDIN') as copy:
                for piece in pieces:
                    copy.write(piece)
        for table, column in connection.execute(_IDENTITIES, (SCHEMA,)).fetchall():
            connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), "
                f"coalesce(max({column}), 1), max({column}) IS NOT NULL) FROM {table}"
            )
        connection.execute("COMMIT")
    migrate(conninfo)


def empty_scratch(conninfo: str) -> None:
    """Drop the tables of a scratch database, which only verified backups are restored into.

    Raises:
        BackupError: it has stores that no verification has made.
    """
    with _connected(conninfo) as connection, faults("PostgreSQL"):
        row = connection.execute("SELECT to_regnamespace(%s), to_regnamespace(%s)", (SCHEMA, _MARK)).fetchone()
        if row is not None and row[0] is not None and row[1] is None:
            raise BackupError(
                "The database that backup.scratch_database names has stores already, which no verification of a "
                "backup has made. Name an empty database."
            )
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_MARK}")
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


@contextmanager
def backup_lock(server: PostgresServer) -> Iterator[None]:
    """Wait until no other machine makes a backup, and keep them out during the block."""
    with _connected(server.conninfo) as connection:
        with faults(server.name):
            connection.execute("SELECT pg_advisory_lock(%s)", (_BACKUP_LOCK,))
        yield


def _connected(conninfo: str) -> psycopg.Connection[tuple[object, ...]]:
    import psycopg

    with faults("PostgreSQL"):
        return psycopg.connect(conninfo, autocommit=True)
