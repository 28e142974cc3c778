"""Identifiers in clear, in memory, for a purpose: the one way back from what bronze holds encrypted.

Who calls it keeps what it returns out of files, engines and logs: an engine may spill to the disk what it is given.
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

Note: TypeAlias = Callable[[Document, tuple[str, ...], int], None]
"""Told the source, the columns and the number of persons before anything is decrypted; when it raises, nothing is."""


class Revealer:
    """Decrypts the rows of sources for one purpose. `note` writes the use down."""

    def __init__(self, protection: Protection, purpose: str, note: Note) -> None:
        self._protection = protection
        self._purpose = purpose
        self._note = note

    def __call__(self, contract: Document, rows: pa.Table) -> pa.Table:
        """The rows with their encrypted columns in the contract's types, as they landed.

        A value whose key was destroyed is null: it is erased.

        Args:
            contract: the source's.
            rows: of its bronze table, with the columns of `needed_columns` beside those to decrypt.

        Raises:
            PurposeError: a column does not serve the purpose, or a needed column is missing.
            ProtectionError: a key or ciphertext is not what it was, see `privacy.protection.errors`.
        """
        sealed = [column for column in contract.encrypted_columns if column.name in rows.column_names]
        if not sealed or not rows.num_rows:
            return rows
        beyond = [column.name for column in sealed if self._purpose not in column.purposes]
        missing = [name for name in needed_columns(contract) if name not in rows.column_names]
        if beyond or missing:
            raise PurposeError(
                f"{contract.table}: refused to decrypt {', '.join(column.name for column in sealed)} for "
                f"{self._purpose}: "
                + (f"{', '.join(beyond)} does not serve it." if beyond else f"read {', '.join(missing)} as well."),
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
            place = TableColumn(contract.table, column.name)
            texts = self._protection.cipher.decrypt(columns[column.name], names, place, on_destroyed="null")
            position = rows.column_names.index(column.name)
            rows = rows.set_column(position, column.name, texts.cast(arrow_type(column.spark_type)))
        return rows


def needed_columns(contract: Document) -> tuple[str, ...]:
    """Columns of bronze that say whose a row is and which one, without which nothing in it can be decrypted."""
    if contract.subject_key is None:
        return HASH_COLUMNS
    subject = contract.column(contract.subject_key)
    return (subject.token_name or subject.name, *HASH_COLUMNS)


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
