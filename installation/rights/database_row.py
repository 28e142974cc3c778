"""The rows of the PostgreSQL database as a store: every table of every store is searched for the persons of a case.

The stores erase their own rows, see `ConsentRecords` and others. This one only looks whether something is left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from installation.installation import Installation
from privacy.protection.scan.matcher import Matcher
from privacy.rights.subject import Subject
from privacy.rights.subject_scan import needles_of
from privacy.rights.subject_store import CheckedPart, Correction, ExportedTable, Holding, Outcome, Verification
from privacy.storage.database import ServerFault

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
            for table, rows in self._tables():
                digest = hashlib.sha256()
                found = dict[str, int]()
                for row in rows:
                    content = _BETWEEN.join(_bytes(value) for value in row if value is not None)
                    digest.update(content)
                    found |= matcher.in_bytes(content)
                    found |= matcher.in_text(content.decode("utf-8", "replace"))
                checked.append(CheckedPart(f"database, table {table}", "", digest.hexdigest()))
                residues += [f"database, table {table}: {needle}" for needle in found]
        except ServerFault as error:
            return Verification(tuple(checked), tuple(residues), (error.message,))
        return Verification(tuple(checked), tuple(residues))

    def _tables(self) -> Iterator[tuple[str, Iterator[tuple[object, ...]]]]:
        server = self.installation.server
        if server is None:
            return
        database = server.open("audit")
        query = (
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
            f"WHERE schemaname IN ({', '.join('?' * len(_SCHEMAS))}) ORDER BY 1"
        )
        for (table,) in database.execute(query, _SCHEMAS).fetchall():
            yield table, database.stream(f"SELECT * FROM {table}")


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode("utf-8", "replace")
