"""Decides which bronze tables store the hash of each row, and returns the hashes of bronze rows.

A hash is 16 bytes that no encoding makes smaller. In a long table of few columns it takes more room than all columns
together. A table without personal data does not need it: its rows are stored as they were hashed, so the hash is
computed again from the columns when a load compares rows. Other tables store it, for these reasons.

* Encrypted columns cannot be hashed again. A correction or an erasure changes columns, and the row keeps its hash.
* The hash names the row where a ciphertext is bound to it, and where a single row is erased.
* The hash and the load name the rows of a database table that were replaced or are gone.

The hash of a source whose rows arrive one by one (`collection`, a topic) is that of its primary key alone: an event
that is sent again has another time of receipt, and is the same event.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from installation.contract.document import Contract
from installation.lakehouse.rows import plain_type
from pipelines.ingest.known_row import Hashes, Words
from pipelines.ingest.row_hash import hash_rows
from privacy.contract.document import DatabaseTable
from privacy.protection.keyed_hash import key_hashes
from privacy.protection.source_person import HASH_COLUMNS, Protection


def stores_row_hash(contract: Contract) -> bool:
    """Return whether the bronze table of a source has the columns of the row hash."""
    return (
        contract.subject_key is not None
        or contract.is_personal
        or is_keyed(contract)
        or any(column.token or column.is_confidential for column in contract.columns)
        or (contract.file is not None and isinstance(contract.file.origin, DatabaseTable))
    )


def is_keyed(contract: Contract) -> bool:
    """Return whether rows with an equal primary key are the same row, of which the first one stays."""
    return contract.keeps_first


def hash_input(contract: Contract) -> tuple[str, ...]:
    """Return the contract's columns over which the hash of a row is computed."""
    return contract.primary_key if is_keyed(contract) else tuple(column.name for column in contract.columns)


def hashed_columns(contract: Contract) -> tuple[str, ...]:
    """Return the bronze columns from which `row_hashes` knows the hash of a row."""
    return HASH_COLUMNS if stores_row_hash(contract) else tuple(column.name for column in contract.columns)


def stored_hashes(
    contract: Contract, columns: Mapping[str, pa.Array], rows: int, protection: Protection
) -> dict[str, pa.Array]:
    """Return the columns of the row hash that the table of a source stores; empty if it stores none.

    Args:
        contract: the contract of the source.
        columns: at least the contract's columns, as their values were read, before encryption and corrections. A
            column that is missing counts as null.
        rows: number of rows.
        protection: has the key.
    """
    if not stores_row_hash(contract):
        return {}
    hashed = {name: columns[name] for name in hash_input(contract) if name in columns}
    return hash_columns(hashed, rows, contract, protection)


def hash_columns(
    hashed: Mapping[str, pa.Array], rows: int, contract: Contract, protection: Protection
) -> dict[str, pa.Array]:
    """Return the two columns of the hash over exactly these columns.

    A source with a subject key gets keyed hashes, because a plain hash of personal data could be guessed.
    """
    low, high = hash_rows(dict(hashed), rows)
    if contract.subject_key is not None:
        low, high = key_hashes(low, high, protection.row_hash_key)
    return {name: pa.array(half.view(np.int64)) for name, half in zip(HASH_COLUMNS, (low, high), strict=True)}


def row_hashes(contract: Contract, rows: pa.RecordBatch) -> Hashes:
    """Return the two halves of the hash of each row, from the columns of `hashed_columns`.

    A column that the rows lack counts as null, as in a load of a file without it.
    """
    if stores_row_hash(contract):
        low, high = (_words(rows.column(name)) for name in HASH_COLUMNS)
        return low, high
    present = set(rows.schema.names)
    columns = {name: _plain(rows.column(name)) for name in hashed_columns(contract) if name in present}
    return hash_rows(columns, rows.num_rows)


def _words(halves: pa.Array) -> Words:
    """Return one half of the hash as unsigned 64-bit integers; bronze stores it as signed ones."""
    words: Words = halves.to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
    return words


def _plain(values: pa.Array) -> pa.Array:
    """Return values whose Arrow type the hash knows; a reader may return texts as views."""
    kind = values.type
    return values if kind == plain_type(kind) else values.cast(plain_type(kind))
