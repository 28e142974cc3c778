"""Reads and writes `silver/sent_profile`, which says what each destination knows of each customer.

It holds no value of a profile: what was sent is stored as a keyed hash, and what is sent is read when it is sent.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum

import pyarrow as pa
import pyarrow.compute as pc

from installation.lakehouse.lakehouse import Lakehouse

TABLE = "silver/sent_profile"
_SCHEMA = pa.schema(
    [
        ("destination", pa.string()),
        ("customer_id", pa.string()),
        ("status", pa.string()),
        ("sent_hash", pa.string()),
        ("tried_hash", pa.string()),
        ("attempts", pa.int32()),
        ("changed_at", pa.timestamp("us")),
    ]
)


class Status(StrEnum):
    """What became of the newest event of a customer."""

    SENT = "sent"
    FAILED = "failed"
    """It was not taken, and is sent again."""
    REMOVED = "removed"
    """The destination took the removal. The row is kept for a while: the next event needs another id than the first."""
    DEAD = "dead"
    """It was refused, or failed too often. It is sent again when the profile changes, or when an operator asks."""


@dataclass(frozen=True)
class SentProfile:
    """What a destination knows of a customer.

    `sent_hash` is that of the values that it took last, None if it took none. `tried_hash` is that of the values that
    it did not take; None for those of a removal, or if nothing failed. `changed_at` is the time at which it took an
    event last, in UTC without a zone; None if it took none.
    """

    destination: str
    customer_id: str
    status: Status
    sent_hash: str | None
    tried_hash: str | None
    attempts: int
    changed_at: datetime.datetime | None

    @property
    def is_held(self) -> bool:
        """Whether the destination may have the profile."""
        return self.status is not Status.REMOVED


class SentProfiles:
    """The rows of one destination."""

    def __init__(self, lakehouse: Lakehouse, destination: str) -> None:
        self._lakehouse = lakehouse
        self._destination = destination

    def all(self) -> dict[str, SentProfile]:
        """Return the rows by customer."""
        if not self._lakehouse.exists(TABLE):
            return {}
        names = ", ".join(f'"{field.name}"' for field in fields(SentProfile))
        rows = self._lakehouse.select(TABLE, names, f"destination = '{self._destination}'").to_pylist()
        return {row["customer_id"]: SentProfile(**{**row, "status": Status(row["status"])}) for row in rows}

    def save(self, changed: Sequence[SentProfile]) -> None:
        """Write the changed rows in one commit."""
        if not changed:
            return
        rows = pa.Table.from_pylist([*map(asdict, changed)], _SCHEMA)
        if not self._lakehouse.exists(TABLE):
            self._lakehouse.append_rows(TABLE, _SCHEMA.empty_table())
        merge = self._lakehouse.delta(TABLE).merge(
            rows,
            predicate="t.destination = s.destination AND t.customer_id = s.customer_id",
            source_alias="s",
            target_alias="t",
        )
        merge.when_matched_update_all().when_not_matched_insert_all().execute()


def destinations_of(lakehouse: Lakehouse, customers: Sequence[str]) -> list[str]:
    """Return the names of the destinations that may have the profile of one of these customers, sorted."""
    if not customers or not lakehouse.exists(TABLE):
        return []
    rows = lakehouse.select(TABLE, "destination, customer_id", f"status <> '{Status.REMOVED}'")
    found = rows.filter(pc.is_in(rows["customer_id"], value_set=pa.array(customers, pa.string())))
    return sorted(set(found["destination"].to_pylist()))
