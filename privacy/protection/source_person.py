"""Finds the source person of each row, whose data key encrypts the row's identifiers.

A source person is a person as one source knows them. Its opaque name is `<source>:<token of its subject key>`; the key
store keeps its data key under that name. A row whose subject key is null or unreadable has a source person of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from privacy.contract.column import Column
from privacy.contract.document import Document
from privacy.protection.field import FieldCipher
from privacy.protection.token import Tokenizer

if TYPE_CHECKING:
    from privacy.protection.correction_list import CorrectionList
    from privacy.protection.suppression import ListedIdentifiers

Words = npt.NDArray[np.uint64]
HASH_COLUMNS = ("_row_hash_low", "_row_hash_high")
"""Columns of bronze with the two halves of the row hash, which names the row."""


@dataclass(frozen=True)
class Protection:
    """The tokenizer, which makes matching keys, the cipher of identifiers, and the list of erased persons."""

    tokens: Tokenizer
    cipher: FieldCipher
    suppression: ListedIdentifiers | None = None
    """The erased persons, whose rows no load may bring back. None only where nothing was ever erased."""
    corrections: CorrectionList | None = None
    """The values that persons had corrected. None only where nothing was ever corrected."""

    @cached_property
    def row_hash_key(self) -> bytes:
        """The key of row hashes in tables about persons."""
        return self.tokens.derived_key("row hash")

    @cached_property
    def record_hash_key(self) -> bytes:
        """The key of the hashes by which quarantine recognises a record."""
        return self.tokens.derived_key("quarantine record")


def source_persons(contract: Document, columns: Mapping[str, pa.Array], rows: pa.Array, tokens: Tokenizer) -> pa.Array:
    """Return the opaque name of each row's source person, as a dictionary array without nulls.

    The result is the same for rows as ingest reads them and for rows of bronze.

    Args:
        contract: the contract of the source, which names the subject key.
        columns: the token of the subject key, or the subject key itself if it has no token.
        rows: the name of each row, see `row_names`.
        tokens: the tokenizer of this installation.
    """
    known = known_persons(contract, columns, tokens)
    if not known.null_count:
        return known
    alone = pc.is_null(known)
    own = pa.array([f"{contract.name}:row:{mark.hex()}" for mark in rows.filter(alone).to_pylist()], pa.string())
    return pc.replace_with_mask(known.cast(pa.string()), alone, own).dictionary_encode()


def known_persons(contract: Document, columns: Mapping[str, pa.Array], tokens: Tokenizer) -> pa.Array:
    """Return the opaque name of each row's source person, as `source_persons` does, but without invented ones.

    Null where the subject key is null or has no normal form.
    """
    if contract.subject_key is None:
        return pa.nulls(len(next(iter(columns.values()))), pa.string()).dictionary_encode()
    subject = contract.column(contract.subject_key)
    subjects = columns.get(subject.token_name or "")
    if subjects is None:
        subjects = tokens.tokens(f"{contract.name}.{subject.name}", columns[subject.name])
    if isinstance(subjects, pa.ChunkedArray):
        subjects = subjects.combine_chunks()
    if not pa.types.is_dictionary(subjects.type):
        subjects = subjects.dictionary_encode()
    people = pa.array([f"{contract.name}:{token}" for token in subjects.dictionary.to_pylist()], pa.string())
    return pa.DictionaryArray.from_arrays(subjects.indices, people)


def row_names(low: Words, high: Words) -> pa.Array:
    """Return the name of each row: its hash as 16 bytes, which is unique in the table and never changes."""
    blocks = np.empty((len(low), 2), "<u8")
    blocks[:, 0] = low
    blocks[:, 1] = high
    return pa.Array.from_buffers(pa.binary(16), len(low), [None, pa.py_buffer(blocks)])


def is_bound_to_person(column: Column, contract: Document) -> bool:
    """Return whether ciphertexts of the column are bound to the row's source person instead of to the single row.

    True for a subject key that has a matching token. Its value is the same in all rows of a person, and the token
    beside it identifies the person, so moving a ciphertext between these rows changes nothing. A table of a million
    purchases then stores one ciphertext per person.
    """
    return column.name == contract.subject_key and column.token is not None
