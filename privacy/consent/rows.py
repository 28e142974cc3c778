"""Schemas of the tables of consent records and memberships, and conversions between records and rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import pyarrow as pa

from privacy.consent.record import ConsentRecord

_MOMENT = pa.timestamp("us")
RECORD_SCHEMA = pa.schema(
    [
        pa.field("record_id", pa.string(), nullable=False),
        pa.field("subject_id", pa.string(), nullable=False),
        pa.field("controller", pa.string(), nullable=False),
        pa.field("purpose", pa.string(), nullable=False),
        pa.field("data_categories", pa.string()),
        pa.field("notice_version", pa.string()),
        pa.field("notice_language", pa.string()),
        pa.field("recipients", pa.string()),
        pa.field("storage", pa.string()),
        pa.field("jurisdiction", pa.string()),
        pa.field("method", pa.string()),
        pa.field("withdrawal_method", pa.string()),
        pa.field("state", pa.string(), nullable=False),
        pa.field("effective_at", _MOMENT, nullable=False),
        pa.field("recorded_at", _MOMENT, nullable=False),
        pa.field("expires_at", _MOMENT),
        pa.field("expressed_by", pa.string()),
        pa.field("age_years", pa.int32()),
        pa.field("asked", pa.string()),
        pa.field("evidence_hash", pa.string()),
        pa.field("supersedes", pa.string()),
        pa.field("note", pa.string()),
        pa.field("recorded_by", pa.string()),
    ]
)
"""Grain: one row a record. Lists are joined by commas, as in silver/consent_event; an empty list is null."""

DECISIVE = (
    "record_id", "subject_id", "controller", "purpose", "data_categories", "jurisdiction", "state", "effective_at",
    "recorded_at", "expires_at", "expressed_by", "age_years", "asked", "supersedes",
)  # fmt: skip
"""The columns that a decision needs."""

MEMBERSHIP_SCHEMA = pa.schema(
    [
        pa.field("subject_id", pa.string(), nullable=False),
        pa.field("customer_id", pa.string()),
        pa.field("from_at", _MOMENT, nullable=False),
    ]
)
"""The customer that a source person belongs to, from a moment until its next row; merges and splits add rows. A null
customer means that it belongs to none. A source person without any row is a customer under its own identifier."""

NEVER = datetime(9999, 12, 31)
"""Stands for no end. It is the last day that every engine can represent."""


def as_row(record: ConsentRecord) -> dict[str, object]:
    """Return a record as one row of `RECORD_SCHEMA`."""
    row = record.model_dump(mode="python")
    for column in ("data_categories", "recipients"):
        row[column] = ",".join(row[column]) or None
    return row | {"state": record.state.value}


def as_record(row: dict[str, object]) -> ConsentRecord:
    """Return the record of one row of `RECORD_SCHEMA`.

    Raises:
        ValidationError: (pydantic's) the row is not a valid record.
    """
    lists = {c: tuple(str(row[c]).split(",")) if row[c] else () for c in ("data_categories", "recipients")}
    return ConsentRecord.model_validate({**row, **lists})


def as_table(records: Iterable[ConsentRecord]) -> pa.Table:
    """Return records as a table of `RECORD_SCHEMA`."""
    return pa.Table.from_pylist([as_row(record) for record in records], schema=RECORD_SCHEMA)
