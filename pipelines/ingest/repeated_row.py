"""States by what a row of a source is recognised when it is loaded again.

A row of files and databases is the same if all its values are. An event that is delivered one by one, by the collector
or a topic of Kafka, may be sent again with another time of sending: it is the same if its primary key is, and the first
one wins.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection

import pyarrow as pa

from installation.contract.document import Contract
from pipelines.ingest.database.stale_row import comparable_key
from pipelines.ingest.event_column import event_column
from pipelines.ingest.known_row import Hashes
from pipelines.ingest.row_hash import hash_rows
from pipelines.ingest.stored_hash import hashed_columns, plain_values, row_hashes

REPEAT_DAYS = 7
"""Most days between the event times of an event and its repeat. Without a limit, each small load would read the keys of
the whole table. A repeat has nearly the same event time: only the correction of its clock may differ."""


def identity_columns(contract: Contract) -> tuple[str, ...]:
    """Return the bronze columns from which `identities` knows a row."""
    return tuple(comparable_key(contract)) if contract.keeps_first else hashed_columns(contract)


def identities(contract: Contract, rows: pa.RecordBatch) -> Hashes:
    """Return the two halves of a hash of each row that is equal for equal rows, from the columns `identity_columns`."""
    if not contract.keeps_first:
        return row_hashes(contract, rows)
    return hash_rows({name: plain_values(rows.column(name)) for name in comparable_key(contract)}, rows.num_rows)


def repeat_window(contract: Contract, days: Collection[datetime.date]) -> str | None:
    """Return a SQL condition on the rows that may repeat events of these days; None for all rows."""
    column = event_column(contract)
    if column is None or not days:
        return None
    span = datetime.timedelta(REPEAT_DAYS)
    first = max(min(days), datetime.date.min + span) - span
    last = min(max(days), datetime.date.max - 2 * span) + span + datetime.timedelta(1)
    return f'("{column}" IS NULL OR "{column}" >= DATE \'{first}\' AND "{column}" < DATE \'{last}\')'
