"""What an open connection to the database of a source can do.

Every value is fetched as text that the database itself writes: exact for every type, and read by the same rules as the
text of a file. The types of drivers are not used, because they lose digits, days and zones
(docs/decisions/0048-database-sources-are-fetched-as-text.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Protocol, TypeAlias

import pyarrow as pa

CursorKind: TypeAlias = Literal["integer", "date", "wall", "instant"]
"""What a cursor counts: numbers, days, times without a zone, or instants (microseconds since 1970 in UTC)."""
CONNECT_SECONDS = 10
BATCH_ROWS = 1 << 15
UNREACHABLE = "unreachable"
"""Rule of a refusal because the database could not be read."""


class Database(Protocol):
    """One open connection, which can only read. Its session writes times in UTC and in ISO 8601."""

    def fields(self) -> dict[str, str]:
        """Return the types of the table's columns by name; empty if there is no table that this user may see."""
        ...

    def primary_key(self) -> tuple[str, ...]:
        """Return the columns of the primary key that the database declares, in its order; empty for a view."""
        ...

    def quoted(self, name: str) -> str:
        """Return a name as it stands in a query."""
        ...

    @property
    def table(self) -> str:
        """The table's name as it stands in a query."""
        ...

    def text(self, column: str, kind: str) -> str:
        """Return the expression of a column's values as text; an instant ends in +00:00."""
        ...

    def cursor_kind(self, kind: str) -> CursorKind | None:
        """Return what a column of this type counts; None if it cannot be a cursor."""
        ...

    def number(self, column: str, kind: CursorKind) -> str:
        """Return the expression of a cursor as a 64-bit integer; null for a value that is no number, day or time."""
        ...

    def literal(self, value: int, kind: CursorKind) -> str:
        """Return a cursor as a literal."""
        ...

    def batches(self, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the result of a query in batches of this schema.

        Raises:
            FileFaultError: the query failed. The reason contains no value of a row.
        """
        ...
