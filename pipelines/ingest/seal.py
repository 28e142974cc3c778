"""Encrypts the columns of checked rows that their contract wants encrypted, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from installation.contract.document import Contract
from pipelines.ingest.bronze import bronze_schema
from privacy.protection.field import Place
from privacy.protection.source_person import HASH_COLUMNS, Protection, is_bound_to_person, row_names, source_persons

# A register's worth of persons; beyond it their ciphertexts are made anew, which costs room and no correctness.
MOST_REMEMBERED = 1 << 18


class Sealer:
    """Seals the rows of one load of one source."""

    def __init__(self, contract: Contract, protection: Protection) -> None:
        self._contract = contract
        self._protection = protection
        self._schema = bronze_schema(contract)
        self._known: dict[tuple[str, str], bytes] = {}

    def seal(self, columns: Mapping[str, pa.Array], rows: int) -> pa.RecordBatch:
        """The rows as bronze stores them; `columns` are all of them, the confidential ones in the clear."""
        sealed = dict(columns)
        if self._contract.encrypted_columns and rows:
            marks = row_names(*(columns[name].to_numpy().view(np.uint64) for name in HASH_COLUMNS))
            persons = source_persons(self._contract, columns, marks, self._protection.tokens)
            for column in self._contract.encrypted_columns:
                place = Place(self._contract.table, column.name)
                values = columns[column.name].cast(pa.string())
                if is_bound_to_person(column, self._contract):
                    sealed[column.name] = self._seal_persons(values, persons, place)
                else:
                    sealed[column.name] = self._protection.cipher.encrypt(values, persons, marks, place)
        elif self._contract.encrypted_columns:
            sealed |= {column.name: pa.array([], pa.binary()) for column in self._contract.encrypted_columns}
        return pa.RecordBatch.from_arrays([sealed[name] for name in self._schema.names], names=self._schema.names)

    def _seal_persons(self, values: pa.Array, persons: pa.Array, place: Place) -> pa.Array:
        """The subject key itself: one ciphertext for each person and spelling, however many rows a person has."""
        encoded = values.dictionary_encode()
        texts, names = encoded.dictionary.to_pylist(), persons.dictionary.to_pylist()
        present = pc.is_valid(values).to_numpy(zero_copy_only=False)
        pairs = encoded.indices.fill_null(0).to_numpy().astype(np.int64) * len(names)
        pairs += persons.indices.to_numpy()
        distinct, positions = np.unique(pairs[present], return_inverse=True)
        found = [(names[pair % len(names)], texts[pair // len(names)]) for pair in distinct.tolist()]
        self._learn(found, place)
        ciphertexts = pa.array([self._known[pair] for pair in found], pa.binary())
        indices = np.zeros(len(values), np.int32)
        indices[present] = positions
        return pa.DictionaryArray.from_arrays(pa.array(indices, mask=~present), ciphertexts)

    def _learn(self, pairs: list[tuple[str, str]], place: Place) -> None:
        if len(self._known) + len(pairs) > MOST_REMEMBERED:
            self._known.clear()
        new = [pair for pair in pairs if pair not in self._known]
        owners = pa.array([name for name, _ in new], pa.string())
        values = pa.array([text for _, text in new], pa.string())
        made = self._protection.cipher.encrypt(values, owners, owners, place)
        self._known |= dict(zip(new, made.to_pylist(), strict=True))
