"""The rows of the PostgreSQL database as a store: every table of every store is searched for the persons of a case.

The stores erase their own rows, see `ConsentRecords` and others; `RunHistory` erases those of Dagster. This one only
looks whether something is left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from installation.installation import Installation
from privacy.protection.scan.matcher import Matcher
from privacy.rights.subject import Subject
from privacy.rights.subject_scan import needles_of
from privacy.rights.subject_store import CheckedPart, Correction, ExportedTable, Holding, Outcome, Verification
from privacy.storage.database import ServerFault

if TYPE_CHECKING:
    from privacy.storage.postgres import PostgresServer

_REASON = "The rows belong to other stores, which serve the right."
_SCHEMAS = ("bojagi", "dagster")
_BETWEEN = b"\x01"


@dataclass(frozen=True)
class DatabaseRows:
    """All tables of the server on which the stores are, see `SubjectStore`."""

    installation: Installation
    name: str = "database"
    paths: tuple[str, ...] = ()

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return nothing: other stores show their rows."""
        return ()

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield nothing."""
        return iter(())

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Do nothing."""
        return Outcome.not_applicable(_REASON)

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Do nothing."""
        return Outcome.not_applicable(_REASON)

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Do nothing."""
        return Outcome.not_applicable(_REASON)

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Read every row of every table and look for the persons."""
        needles = needles_of(subjects)
        if not needles:
            return Verification(unverifiable=("the look-up of the person has no identifier to search for",))
        matcher, checked, residues = Matcher(needles), list[CheckedPart](), list[str]()
        try:
            for table, rows in _tables(self.installation.server, _SCHEMAS):
                digest = hashlib.sha256()
                found = dict[str, int]()
                for row in rows:
                    content = _content(row)
                    digest.update(content)
                    found |= _found(matcher, content)
                checked.append(CheckedPart(f"database, table {table}", "", digest.hexdigest()))
                residues += [f"database, table {table}: {needle}" for needle in found]
        except ServerFault as error:
            return Verification(tuple(checked), tuple(residues), (error.message,))
        return Verification(tuple(checked), tuple(residues))


@dataclass(frozen=True)
class PersonRows:
    """The rows of one table in which a person was found: their values of a column, if the table has it."""

    table: str
    values: frozenset[str]


def person_rows(server: PostgresServer, schema: str, matcher: Matcher, column: str) -> Iterator[PersonRows]:
    """Yield each table of a schema with a person, and the values of `column` in the rows with a person.

    Raises:
        ServerFault: the server does not answer.
    """
    for table, rows in _tables(server, (schema,)):
        columns = _columns(server, table)
        place = columns.index(column) if column in columns else None
        persons = [row for row in rows if _found(matcher, _content(row))]
        if persons:
            values = () if place is None else (str(row[place]) for row in persons if row[place] is not None)
            yield PersonRows(table, frozenset(values))


def _tables(
    server: PostgresServer | None, schemas: Sequence[str]
) -> Iterator[tuple[str, Iterator[tuple[object, ...]]]]:
    if server is None:
        return
    database = server.open("audit")
    query = (
        "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
        f"WHERE schemaname IN ({', '.join('?' * len(schemas))}) ORDER BY 1"
    )
    for (table,) in database.execute(query, schemas).fetchall():
        yield table, database.stream(f"SELECT * FROM {table}")


def _columns(server: PostgresServer, table: str) -> list[str]:
    query = (
        "SELECT attname FROM pg_attribute WHERE attrelid = ?::regclass AND attnum > 0 AND NOT attisdropped "
        "ORDER BY attnum"
    )
    return [str(name) for (name,) in server.open("audit").execute(query, (table,))]


def _found(matcher: Matcher, content: bytes) -> dict[str, int]:
    return matcher.in_bytes(content) | matcher.in_text(content.decode("utf-8", "replace"))


def _content(row: Sequence[object]) -> bytes:
    return _BETWEEN.join(_bytes(value) for value in row if value is not None)


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode("utf-8", "replace")
