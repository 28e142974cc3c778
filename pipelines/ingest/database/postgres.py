"""Reads a table of PostgreSQL through ADBC, in Arrow batches."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import pyarrow as pa
from adbc_driver_manager import Error
from adbc_driver_postgresql import dbapi

from installation.source_credential import SourceCredential
from pipelines.ingest.database.connection import CONNECT_SECONDS, UNREACHABLE, CursorKind
from pipelines.ingest.fault import FileFaultError
from privacy.contract.document import DatabaseTable

_SESSION = (
    "SET TIME ZONE 'UTC'", "SET DateStyle TO 'ISO, YMD'", "SET IntervalStyle TO 'iso_8601'",
    "SET extra_float_digits TO 1", "SET client_encoding TO 'UTF8'",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, ISOLATION LEVEL REPEATABLE READ",
)  # fmt: skip
_CURSOR_KINDS: dict[str, CursorKind] = {
    "smallint": "integer", "integer": "integer", "bigint": "integer", "date": "date",
    "timestamp without time zone": "wall", "timestamp with time zone": "instant",
}  # fmt: skip
_REASONS = {
    "42P01": "the table does not exist",
    "42501": "the user may not read the table",
    "57014": "the query was cancelled",
}
_FIELDS = """
SELECT attname::text, format_type(atttypid, NULL) FROM pg_catalog.pg_attribute
WHERE attrelid = to_regclass({table}) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_KEY = """
SELECT attname::text FROM pg_catalog.pg_index, unnest(indkey) WITH ORDINALITY AS part (number, place)
JOIN pg_catalog.pg_attribute ON attnum = part.number
WHERE indrelid = to_regclass({table}) AND indisprimary AND attrelid = indrelid ORDER BY place
"""
_EPOCH = datetime.datetime(1970, 1, 1)


@contextmanager
def open_postgres(origin: DatabaseTable, credential: SourceCredential, password: str) -> Iterator[Postgres]:
    """Open a read-only connection for the block.

    Raises:
        FileFaultError: PostgreSQL does not answer or refuses the user.
    """
    given = {
        "host": origin.host, "port": str(origin.port), "dbname": origin.database, "user": credential.user,
        "password": password, "connect_timeout": str(CONNECT_SECONDS),
        "application_name": "bojagi", **credential.options,
    }  # fmt: skip
    try:
        connection = dbapi.connect(" ".join(f"{key}={_conninfo(value)}" for key, value in given.items() if value))
    except Error as error:
        message = str(error).splitlines()[0].removeprefix("IO: [libpq] Failed to connect: ")
        raise FileFaultError(UNREACHABLE, f"PostgreSQL does not let us in: {message}") from error
    with closing(connection):
        database = Postgres(origin, connection)
        for statement in _SESSION:
            database.run(statement)
        # The settings of the session count from here on; the next statement begins the one snapshot of this fetch.
        connection.commit()
        yield database


@dataclass(frozen=True)
class Postgres:
    """One open connection to a table of PostgreSQL; see `pipelines.ingest.database.connection.Database`."""

    origin: DatabaseTable
    connection: dbapi.Connection

    @property
    def table(self) -> str:
        """The table's name with its schema, quoted."""
        return ".".join(self.quoted(part) for part in (self.origin.schema, self.origin.table) if part)

    def quoted(self, name: str) -> str:
        """Return a name in double quotes."""
        return '"' + name.replace('"', '""') + '"'

    def fields(self) -> dict[str, str]:
        """Return the types of the table's columns by name."""
        schema = pa.schema([("attname", pa.string()), ("format_type", pa.string())])
        rows = pa.Table.from_batches(self.batches(_FIELDS.format(table=_literal(self.table)), schema), schema)
        return dict(zip(rows[0].to_pylist(), rows[1].to_pylist(), strict=True))

    def primary_key(self) -> tuple[str, ...]:
        """Return the columns of the primary key."""
        schema = pa.schema([("attname", pa.string())])
        rows = pa.Table.from_batches(self.batches(_KEY.format(table=_literal(self.table)), schema), schema)
        return tuple(rows[0].to_pylist())

    def text(self, column: str, kind: str) -> str:
        """Return the expression of a column's values as text."""
        name = self.quoted(column)
        if kind == "timestamp with time zone":
            # 2017-03-01 09:30:00+00 becomes …+00:00; infinity and years before Christ stay no time.
            return f"{name}::text || ':00'"
        return f"{name}::numeric::text" if kind == "money" else f"{name}::text"

    def cursor_kind(self, kind: str) -> CursorKind | None:
        """Return what a column of this type counts."""
        return _CURSOR_KINDS.get(kind)

    def number(self, column: str, kind: CursorKind) -> str:
        """Return the expression of a cursor as a 64-bit integer; null for an infinite time."""
        name = self.quoted(column)
        if kind == "integer":
            return f"{name}::bigint"
        value = f"{name} - date '1970-01-01'" if kind == "date" else f"extract(epoch from {name}) * 1000000"
        return f"CASE WHEN isfinite({name}) THEN ({value})::bigint END"

    def literal(self, value: int, kind: CursorKind) -> str:
        """Return a cursor as a literal of its type."""
        if kind == "integer":
            return str(value)
        if kind == "date":
            return f"date '{_EPOCH.date() + datetime.timedelta(days=value)}'"
        moment = (_EPOCH + datetime.timedelta(microseconds=value)).isoformat(" ", "microseconds")
        return f"timestamptz '{moment}+00'" if kind == "instant" else f"timestamp '{moment}'"

    def batches(self, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the result of a query in batches of this schema."""
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(query)
                for batch in cursor.fetch_record_batch():
                    yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
        except Error as error:
            # The message may quote a value, so only its code is passed on.
            known = _REASONS.get(error.sqlstate or "", "the query failed")
            reason = f"{known} (SQLSTATE {error.sqlstate or 'unknown'})"
            raise FileFaultError(
                UNREACHABLE, f"PostgreSQL: {reason}; check the contract and the user's rights"
            ) from None
        except pa.ArrowException:
            raise FileFaultError(UNREACHABLE, "PostgreSQL: the connection broke while rows were read") from None

    def run(self, statement: str) -> None:
        """Execute a statement without a result."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement)


def _conninfo(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
