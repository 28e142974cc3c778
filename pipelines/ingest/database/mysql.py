"""Reads a table of MySQL or MariaDB through PyMySQL, row by row from the server."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pymysql
from pymysql.cursors import SSCursor

from installation.source_credential import SourceCredential
from pipelines.ingest.database.connection import BATCH_ROWS, CONNECT_SECONDS, UNREACHABLE, CursorKind
from pipelines.ingest.fault import FileFaultError
from privacy.contract.document import DatabaseTable

_SESSION = (
    "SET SESSION time_zone = '+00:00', SESSION sql_mode = 'ANSI_QUOTES'",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT",
)
_INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")
_BYTES = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob")
_SHAPES = ("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
           "geometrycollection", "geomcollection")  # fmt: skip
_REASONS = {
    1142: "the user may not read the table",
    1143: "the user may not read a column of the table",
    1146: "the table does not exist",
    1317: "the query was cancelled",
}
_FIELDS = """
SELECT column_name, data_type FROM information_schema.columns
WHERE table_schema = {schema} AND table_name = {table} ORDER BY ordinal_position
"""
_KEY = """
SELECT column_name FROM information_schema.statistics
WHERE table_schema = {schema} AND table_name = {table} AND index_name = 'PRIMARY' ORDER BY seq_in_index
"""
_EPOCH = datetime.datetime(1970, 1, 1)


@contextmanager
def open_mysql(origin: DatabaseTable, credential: SourceCredential, password: str) -> Iterator[Mysql]:
    """Open a read-only connection for the block.

    Raises:
        FileFaultError: the server does not answer or refuses the user.
    """
    try:
        connection = pymysql.connect(
            host=origin.host, port=origin.port, database=origin.database, user=credential.user,
            password=password, connect_timeout=CONNECT_SECONDS, charset="utf8mb4",
            cursorclass=SSCursor, **{key: int(v) if v.isdigit() else v for key, v in credential.options.items()},
        )  # fmt: skip
    except (pymysql.MySQLError, RuntimeError, TypeError, OSError) as error:
        message = str(error.args[-1] if error.args else error).splitlines()[0]
        raise FileFaultError(UNREACHABLE, f"MySQL does not let us in: {message}") from error
    with closing(connection):
        for statement in _SESSION:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        yield Mysql(origin, connection)


@dataclass(frozen=True)
class Mysql:
    """One open connection to a table of MySQL; see `pipelines.ingest.database.connection.Database`."""

    origin: DatabaseTable
    connection: pymysql.Connection[SSCursor]

    @property
    def table(self) -> str:
        """The table's name with its database, quoted."""
        return f"{self.quoted(self.origin.database)}.{self.quoted(self.origin.table)}"

    def quoted(self, name: str) -> str:
        """Return a name in backquotes."""
        return "`" + name.replace("`", "``") + "`"

    def fields(self) -> dict[str, str]:
        """Return the types of the table's columns by name."""
        query = _FIELDS.format(schema=_literal(self.origin.database), table=_literal(self.origin.table))
        schema = pa.schema([("column_name", pa.string()), ("data_type", pa.string())])
        rows = pa.Table.from_batches(self.batches(query, schema), schema)
        return dict(zip(rows[0].to_pylist(), rows[1].to_pylist(), strict=True))

    def primary_key(self) -> tuple[str, ...]:
        """Return the columns of the primary key."""
        query = _KEY.format(schema=_literal(self.origin.database), table=_literal(self.origin.table))
        schema = pa.schema([("column_name", pa.string())])
        return tuple(pa.Table.from_batches(self.batches(query, schema), schema)[0].to_pylist())

    def text(self, column: str, kind: str) -> str:
        """Return the expression of a column's values as text."""
        name = self.quoted(column)
        if kind in _BYTES:
            return f"hex({name})"
        if kind in _SHAPES:
            return f"st_astext({name})"
        value = f"cast({name} + 0 AS char)" if kind == "bit" else f"cast({name} AS char CHARACTER SET utf8mb4)"
        # A TIMESTAMP is an instant, and the session writes it in UTC. A DATETIME is a wall time.
        return f"concat({value}, '+00:00')" if kind == "timestamp" else value

    def cursor_kind(self, kind: str) -> CursorKind | None:
        """Return what a column of this type counts."""
        kinds: dict[str, CursorKind] = {"date": "date", "datetime": "wall", "timestamp": "instant"}
        return "integer" if kind in _INTEGERS else kinds.get(kind)

    def number(self, column: str, kind: CursorKind) -> str:
        """Return the expression of a cursor as a 64-bit integer; null for the zero date."""
        name = self.quoted(column)
        if kind == "integer":
            return f"cast(least({name}, {(1 << 63) - 1}) AS signed)"
        if kind == "date":
            return f"datediff({name}, '1970-01-01')"
        return f"timestampdiff(MICROSECOND, '1970-01-01', {name})"

    def literal(self, value: int, kind: CursorKind) -> str:
        """Return a cursor as a literal."""
        if kind == "integer":
            return str(value)
        if kind == "date":
            return f"date '{_EPOCH.date() + datetime.timedelta(days=value)}'"
        return f"timestamp '{(_EPOCH + datetime.timedelta(microseconds=value)).isoformat(' ', 'microseconds')}'"

    def batches(self, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the result of a query in batches of this schema."""
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(query)
                while rows := cursor.fetchmany(BATCH_ROWS):
                    columns = zip(zip(*rows, strict=True), schema.types, strict=True)
                    yield pa.RecordBatch.from_arrays([pa.array(*column) for column in columns], schema=schema)
        except pymysql.MySQLError as error:
            # The message may quote a value, so only its code is passed on.
            code = int(error.args[0]) if error.args else 0
            reason = f"{_REASONS.get(code, 'the query failed')} (error {code})"
            raise FileFaultError(UNREACHABLE, f"MySQL: {reason}; check the contract and the user's rights") from None


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
