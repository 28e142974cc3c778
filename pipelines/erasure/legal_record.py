"""Keeps what the law requires of an erased person's rows, locked to the purpose `legal_records`.

Kept are rows of sources whose contract rests `legal_records` on a legal duty and has no retention hold: records of
orders, payments, deliveries, returns and complaints. A kept row loses every matching token and every encrypted field
that the law does not need. The others are encrypted again under a key of the source and year, which only the purpose
`legal_records` opens. No load, matching or profile finds the person by such a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from installation.contract.document import Contract
from pipelines.ingest.event_column import event_column
from pipelines.ingest.suppressed_row import Mask
from privacy.contract.column import Column
from privacy.protection.field import RETAINED, TableColumn
from privacy.protection.revealer import LEGAL_RECORDS
from privacy.protection.source_person import HASH_COLUMNS, Protection, is_bound_to_person, row_names, source_persons
from privacy.rights.subject_store import Retained

LEGAL_DUTY = "legal_duty"


class Locked(NamedTuple):
    """Rows as the law keeps them. `lost`: number of rows with a field whose key was destroyed before."""

    rows: pa.RecordBatch
    lost: int = 0


def is_kept_by_law(contract: Contract) -> bool:
    """Return whether the rows of a source are records that the law requires, also of an erased person."""
    return (
        contract.layer == "source"
        and contract.legal_bases.get(LEGAL_RECORDS) == LEGAL_DUTY
        and not contract.retention_hold
        and contract.retention_days is not None
    )


def kept_columns(contract: Contract) -> tuple[str, ...]:
    """Return the encrypted columns that the law keeps."""
    return tuple(column.name for column in contract.encrypted_columns if LEGAL_RECORDS in column.purposes)


def retained(contract: Contract, rows: int, newest: date | None) -> Retained:
    """Return the statement about a source's kept rows, for the answer and the certificate."""
    assert contract.retention_days is not None
    until = "" if newest is None else (newest + timedelta(contract.retention_days)).isoformat()
    fields = tuple(column.name for column in contract.columns if LEGAL_RECORDS in column.purposes)
    return Retained(contract.table, fields, contract.legal_article or contract.retention_basis, until, rows)


def is_open(contract: Contract, columns: Mapping[str, pa.Array], rows: int) -> Mask:
    """Return which rows still hold a matching token or a field under the person's own key."""
    found = np.zeros(rows, np.bool_)
    for column in contract.columns:
        if column.token_name and column.token_name in columns:
            found |= pc.is_valid(columns[column.token_name]).to_numpy(zero_copy_only=False)
    for column in contract.encrypted_columns:
        if column.name in columns:
            starts = pc.binary_slice(_plain(columns[column.name]), 0, 1)
            found |= pc.fill_null(pc.not_equal(starts, RETAINED), False).to_numpy(zero_copy_only=False)
    return found


def lock(contract: Contract, rows: pa.RecordBatch, protection: Protection) -> Locked:
    """Return rows of an erased person as the law keeps them.

    A field whose key is already destroyed, as in a restored backup, becomes an empty text. The row keeps its hash, so a
    repeated row is still recognised.
    """
    columns = {name: _plain(rows.column(name)) for name in rows.schema.names}
    marks = row_names(*(columns[name].to_numpy().view(np.uint64) for name in HASH_COLUMNS))
    before = source_persons(contract, columns, marks, protection.tokens)
    after = dict(columns)
    for column in contract.columns:
        if column.token_name and column.token_name in columns:
            after[column.token_name] = pa.nulls(rows.num_rows, columns[column.token_name].type)
    persons = source_persons(contract, after, marks, protection.tokens)
    owners = retained_owners(contract, columns, rows.num_rows)
    has_lost = pa.repeat(pa.scalar(False), rows.num_rows)
    for column in contract.encrypted_columns:
        if column.name not in columns:
            continue
        values = columns[column.name]
        if LEGAL_RECORDS not in column.purposes:
            after[column.name] = pa.nulls(rows.num_rows, values.type)
            continue
        place = TableColumn(contract.table, column.name)
        opened = protection.cipher.decrypt(values, _names(column, contract, before, marks), place, "null")
        # A restored row whose key is destroyed: its value is lost, and an empty text stands for it.
        is_lost = pc.and_(pc.is_valid(values), pc.is_null(opened))
        has_lost = pc.or_(has_lost, is_lost)
        opened = pc.if_else(is_lost, pa.scalar(""), opened)
        after[column.name] = protection.cipher.encrypt(
            opened, owners, _names(column, contract, persons, marks), place, is_retained=True
        )
    fields = [pa.field(name, after[name].type) for name in rows.schema.names]
    locked = pa.RecordBatch.from_arrays([after[field.name] for field in fields], schema=pa.schema(fields))
    return Locked(locked, has_lost.true_count)


def retained_owners(contract: Contract, columns: Mapping[str, pa.Array], rows: int) -> pa.Array:
    """Return the names of the keys that lock what the law keeps of rows: one a source and year."""
    return pa.array([f"retained:{contract.name}:{year}" for year in _years(contract, columns, rows)], pa.string())


def _names(column: Column, contract: Contract, persons: pa.Array, marks: pa.Array) -> pa.Array:
    return persons if is_bound_to_person(column, contract) else marks


def _years(contract: Contract, columns: Mapping[str, pa.Array], rows: int) -> list[int | None]:
    clock = contract.retention_column or event_column(contract)
    if clock is None or clock not in columns:
        return [None] * rows
    years: list[int | None] = pc.year(columns[clock]).to_pylist()
    return years


def _plain(values: pa.Array) -> pa.Array:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
