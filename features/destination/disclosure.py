"""Writes `silver/disclosure`: what was given about a customer to whom, when and for which purpose.

A request for access shows these rows, because the table has a contract and a subject key (GDPR art. 15(1)(c)).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from installation.lakehouse.lakehouse import Lakehouse

TABLE = "silver/disclosure"
_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("destination", pa.string()),
        ("disclosed_at", pa.timestamp("us")),
        ("purpose", pa.string()),
        ("audience", pa.string()),
        ("content", pa.string()),
    ]
)


@dataclass(frozen=True)
class Disclosure:
    """What is given to one receiver at one moment.

    `content` names columns or identifiers, no values. `audience` is None if the receiver has no audience.
    """

    destination: str
    purpose: str
    audience: str | None
    content: str
    at: datetime

    def note(self, lakehouse: Lakehouse, customers: Collection[str]) -> None:
        """Add a row for each customer, in one commit. Callers note it before the data leave, or with the answer."""
        if not customers:
            return
        names, count = sorted(customers), len(customers)
        moment = self.at.astimezone(UTC).replace(tzinfo=None)
        same = (self.destination, moment, self.purpose, self.audience, self.content)
        columns = [pa.array(names, pa.string())] + [
            pa.array([value] * count, field.type) for value, field in zip(same, list(_SCHEMA)[1:], strict=True)
        ]
        lakehouse.append_rows(TABLE, pa.Table.from_arrays(columns, schema=_SCHEMA))


@dataclass(frozen=True)
class PastDisclosure:
    """A disclosure of the past, with the number of its customers. Callers round the number before it is shown."""

    destination: str
    purpose: str
    at: datetime
    count: int


def disclosures_of(lakehouse: Lakehouse, audience: str, most: int) -> list[PastDisclosure]:
    """Return the newest disclosures of an audience's members, the newest first. `audience` is a name of an audience."""
    if not lakehouse.exists(TABLE):
        return []
    # The name of an audience has letters, digits and underlines only.
    rows = lakehouse.select(TABLE, "destination, purpose, disclosed_at", f"audience = '{audience}'")
    found = rows.group_by(["destination", "purpose", "disclosed_at"]).aggregate([([], "count_all")]).to_pylist()
    found.sort(key=lambda row: (row["disclosed_at"], row["destination"]), reverse=True)
    return [
        PastDisclosure(row["destination"], row["purpose"], row["disclosed_at"].replace(tzinfo=UTC), row["count_all"])
        for row in found[:most]
    ]
