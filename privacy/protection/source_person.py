"""Whose a row is and what seals its identifiers: what ingest and everything that reads identifiers share.

A source person is a person as one source knows it. It has an opaque name, `<source>:<token of its subject key>`, under
which the key store keeps its data key. A row whose subject cannot be read has a person of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from privacy.contract.column import Column
from privacy.contract.document import Document
from privacy.protection.field import FieldCipher
from privacy.protection.token import Tokenizer

Words = npt.NDArray[np.uint64]
HASH_COLUMNS = ("_row_hash_low", "_row_hash_high")
"""Columns of bronze with the two halves of a row's hash, which names the row."""


@dataclass(frozen=True)
class Protection:
    """The secrets of an installation at work: matching keys, keyed hashes, encryption."""

    tokens: Tokenizer
    cipher: FieldCipher

    @cached_property
    def row_hash_key(self) -> bytes:
        """Key of the row hashes of tables about persons."""
        return self.tokens.derived_key("row hash")

    @cached_property
    def record_hash_key(self) -> bytes:
        """Key of the hashes by which quarantine recognises a record."""
        return self.tokens.derived_key("quarantine record")


def source_persons(contract: Document, columns: Mapping[str, pa.Array], rows: pa.Array, tokens: Tokenizer) -> pa.Array:
    """The opaque name of each row's source person, as a dictionary array without nulls.

    Works on rows as ingest reads them and on rows of bronze, with the same result.

    Args:
        contract: the source's; it names the subject key.
        columns: the subject key's token, or the subject key itself where it is not encrypted and has no token.
        rows: what names each row, see `row_names`.
        tokens: of this installation.
    """
    known = known_persons(contract, columns, tokens)
    if not known.null_count:
        return known
    alone = pc.is_null(known)
    own = pa.array([f"{contract.name}:row:{mark.hex()}" for mark in rows.filter(alone).to_pylist()], pa.string())
    return pc.replace_with_mask(known.cast(pa.string()), alone, own).dictionary_encode()


def known_persons(contract: Document, columns: Mapping[str, pa.Array], tokens: Tokenizer) -> pa.Array:
    """Like `source_persons`; null where the subject cannot be read."""
    if contract.subject_key is None:
        return pa.nulls(len(next(iter(columns.values()))), pa.string()).dictionary_encode()
    subject = contract.column(contract.subject_key)
    held = columns.get(subject.token_name or "")
    if held is None:
        held = tokens.tokens(f"{contract.name}.{subject.name}", columns[subject.name])
    if isinstance(held, pa.ChunkedArray):
        held = held.combine_chunks()
    if not pa.types.is_dictionary(held.type):
        held = held.dictionary_encode()
    people = pa.array([f"{contract.name}:{token}" for token in held.dictionary.to_pylist()], pa.string())
    return pa.DictionaryArray.from_arrays(held.indices, people)


def row_names(low: Words, high: Words) -> pa.Array:
    """What names each row in its table and never changes: its hash, as 16 bytes."""
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
