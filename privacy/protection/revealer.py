"""Decrypts identifiers of bronze tables in memory, for one purpose. No other code decrypts them.

Callers must not write the result to files or logs, or give it to an engine, which may spill it to the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from privacy.contract.arrow_type import arrow_type
from privacy.contract.document import Document
from privacy.protection.errors import PurposeError
from privacy.protection.field import TableColumn
from privacy.protection.source_person import (
    HASH_COLUMNS,
    Protection,
    is_bound_to_person,
    row_names,
    source_persons,
)

LEGAL_RECORDS = "legal_records"
"""The purpose for which values that only the law keeps are decrypted."""
SUBJECT_RIGHTS = "subject_rights"
"""The purpose of answering a person's own request. It is a legal duty about every column (GDPR art. 12)."""
Note: TypeAlias = Callable[[Document, tuple[str, ...], int], None]
"""Gets source, columns and number of persons before anything is decrypted. If it raises, nothing is decrypted."""


class Revealer:
    """Decrypts rows of sources for one purpose. `note` writes each use to the audit log."""

    def __init__(self, protection: Protection, purpose: str, note: Note) -> None:
        self._protection = protection
        self._purpose = purpose
        self._note = note

    def __call__(self, contract: Document, rows: pa.Table) -> pa.Table:
        """Return the rows with their encrypted columns decrypted, in the contract's types.

        A value whose key was destroyed becomes null: it is erased.

        Args:
            contract: the contract of the source.
            rows: rows of its bronze table, with the columns to decrypt and those of `needed_columns`.

        Raises:
            PurposeError: a column may not serve the purpose, or a needed column is missing.
            ProtectionError: a key or ciphertext is missing or was changed, see `privacy.protection.errors`.
        """
        sealed = [column for column in contract.encrypted_columns if column.name in rows.column_names]
        if not sealed or not rows.num_rows:
            return rows
        is_own_request = self._purpose == SUBJECT_RIGHTS
        refused = [column.name for column in sealed if not is_own_request and self._purpose not in column.purposes]
        missing = [name for name in needed_columns(contract) if name not in rows.column_names]
        if refused or missing:
            raise PurposeError(
                f"{contract.table}: {', '.join(column.name for column in sealed)} cannot be decrypted for "
                f"{self._purpose}: "
                + (
                    f"the contract does not let {', '.join(refused)} serve it."
                    if refused
                    else f"read the columns {', '.join(missing)} as well."
                ),
                contract.table,
                self._purpose,
            )
        rows = rows.combine_chunks()
        columns = {name: _one_chunk(rows.column(name)) for name in rows.column_names}
        marks = row_names(*(columns[name].to_numpy().view(np.uint64) for name in HASH_COLUMNS))
        persons = source_persons(contract, columns, marks, self._protection.tokens)
        self._note(contract, tuple(column.name for column in sealed), len(persons.unique()))
        for column in sealed:
            names = persons if is_bound_to_person(column, contract) else marks
            location = TableColumn(contract.table, column.name)
            texts = self._protection.cipher.decrypt(
                columns[column.name], names, location, "null", opens_retained=self._purpose == LEGAL_RECORDS
            )
            position = rows.column_names.index(column.name)
            rows = rows.set_column(position, column.name, texts.cast(arrow_type(column.spark_type)))
        return rows


def needed_columns(contract: Document) -> tuple[str, ...]:
    """Return the bronze columns that decryption needs: those that identify a row and its source person."""
    if contract.subject_key is None:
        return HASH_COLUMNS
    subject = contract.column(contract.subject_key)
    return (subject.token_name or subject.name, *HASH_COLUMNS)


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
