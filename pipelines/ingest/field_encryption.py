"""Encrypts the columns that the contract marks for encryption, before a row is written to any file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from installation.contract.document import Contract
from pipelines.ingest.bronze import bronze_schema
from privacy.protection.field import TableColumn
from privacy.protection.source_person import HASH_COLUMNS, Protection, is_bound_to_person, row_names, source_persons

# Ciphertexts that are kept for reuse: about as many as a source has persons. Beyond it they are made again, which
# takes more room in the table and is still correct.
MAX_CACHED_CIPHERTEXTS = 1 << 18


class RowEncryptor:
    """Encrypts the rows of one load of one source."""

    def __init__(self, contract: Contract, protection: Protection) -> None:
        self._contract = contract
        self._protection = protection
        self._schema = bronze_schema(contract)
        self._ciphertexts: dict[tuple[str, str], bytes] = {}

    def encrypt(self, columns: Mapping[str, pa.Array], rows: int) -> pa.RecordBatch:
        """Return the rows as bronze stores them, with the contract's encrypted columns as ciphertext.

        Args:
            columns: all bronze columns of the rows, unencrypted.
            rows: number of rows.
        """
        encrypted = dict(columns)
        if self._contract.encrypted_columns and rows:
            marks = row_names(*(columns[name].to_numpy().view(np.uint64) for name in HASH_COLUMNS))
            persons = source_persons(self._contract, columns, marks, self._protection.tokens)
            for column in self._contract.encrypted_columns:
                place = TableColumn(self._contract.table, column.name)
                values = columns[column.name].cast(pa.string())
                if is_bound_to_person(column, self._contract):
                    encrypted[column.name] = self._encrypt_subject_key(values, persons, place)
                else:
                    encrypted[column.name] = self._protection.cipher.encrypt(values, persons, marks, place)
        elif self._contract.encrypted_columns:
            encrypted |= {column.name: pa.array([], pa.binary()) for column in self._contract.encrypted_columns}
        return pa.RecordBatch.from_arrays([encrypted[name] for name in self._schema.names], names=self._schema.names)

    def _encrypt_subject_key(self, values: pa.Array, persons: pa.Array, place: TableColumn) -> pa.Array:
        """Return the encrypted subject key: one ciphertext per pair of person and value, shared by all its rows."""
        encoded = values.dictionary_encode()
        texts, names = encoded.dictionary.to_pylist(), persons.dictionary.to_pylist()
        present = pc.is_valid(values).to_numpy(zero_copy_only=False)
        pairs = encoded.indices.fill_null(0).to_numpy().astype(np.int64) * len(names)
        pairs += persons.indices.to_numpy()
        distinct, positions = np.unique(pairs[present], return_inverse=True)
        found = [(names[pair % len(names)], texts[pair // len(names)]) for pair in distinct.tolist()]
        self._encrypt_new(found, place)
        ciphertexts = pa.array([self._ciphertexts[pair] for pair in found], pa.binary())
        indices = np.zeros(len(values), np.int32)
        indices[present] = positions
        return pa.DictionaryArray.from_arrays(pa.array(indices, mask=~present), ciphertexts)

    def _encrypt_new(self, pairs: list[tuple[str, str]], place: TableColumn) -> None:
        if len(self._ciphertexts) + len(pairs) > MAX_CACHED_CIPHERTEXTS:
            self._ciphertexts.clear()
        new = [pair for pair in pairs if pair not in self._ciphertexts]
        owners = pa.array([name for name, _ in new], pa.string())
        values = pa.array([text for _, text in new], pa.string())
        made = self._protection.cipher.encrypt(values, owners, owners, place)
        self._ciphertexts |= dict(zip(new, made.to_pylist(), strict=True))
