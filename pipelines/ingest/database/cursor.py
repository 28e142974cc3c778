"""Holds how far a table was read: the newest value of its cursor column, as a 64-bit integer.

The mark is stored in the same commit as the rows (as a version in Delta's record of application transactions), so the
two never differ. It is not derived from the rows in bronze: rows that were erased here would be fetched again.

A value in the future does not move the mark: one wrong row of the year 2099 would hide every later change.
"""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass

from pipelines.ingest.bronze import BronzeTable
from pipelines.ingest.database.connection import CursorKind
from privacy.contract.document import DatabaseTable

_EPOCH = datetime.datetime(1970, 1, 1)
_SECONDS_PER_DAY = 24 * 3600
# The first day that Python and SQL can write.
_FIRST_DAY = (datetime.date(1, 1, 1) - _EPOCH.date()).days


@dataclass(frozen=True)
class Cursor:
    """The cursor column of a table. `key` names its mark in the bronze table: one a server, table and column."""

    column: str
    kind: CursorKind
    key: str

    @classmethod
    def of(cls, origin: DatabaseTable, column: str, kind: CursorKind) -> Cursor:
        """Return the cursor of a table on this column of the database."""
        place = [origin.kind, origin.host, str(origin.port), origin.database, origin.schema or "", origin.table, column]
        return cls(column, kind, f"cursor:{hashlib.sha256(chr(0).join([*place, kind]).encode()).hexdigest()[:32]}")

    def mark(self, table: BronzeTable) -> int | None:
        """Return the newest value that was loaded; None before the first load."""
        found: int | None = table.delta.transaction_version(self.key) if table.delta is not None else None
        return found

    def start(self, mark: int, lookback: int) -> int:
        """Return the value from which the next fetch reads: the mark less the lookback."""
        if self.kind == "integer":
            return mark - lookback
        if self.kind == "date":
            return max(mark - -(-lookback // _SECONDS_PER_DAY), _FIRST_DAY)
        return max(mark - lookback * 1_000_000, _FIRST_DAY * _SECONDS_PER_DAY * 1_000_000)

    def latest(self, now: datetime.datetime, zone: datetime.tzinfo) -> int | None:
        """Return the largest mark that is not in the future; None for numbers.

        `now` is in UTC without a zone; `zone` is the zone of times without one.
        """
        if self.kind == "integer":
            return None
        local = now.replace(tzinfo=datetime.UTC).astimezone(zone).replace(tzinfo=None)
        if self.kind == "date":
            return (local.date() - _EPOCH.date()).days
        return ((now if self.kind == "instant" else local) - _EPOCH) // datetime.timedelta(microseconds=1)
