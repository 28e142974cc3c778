"""Encrypts columns: AES-256-GCM, with a data key per source person, bound to table, column and row.

ciphertext = 0x01 || key id (16) || nonce (12) || AES-256-GCM(key, nonce, value, associated data)
associated data = "bojagi field" || lengths and bytes of table, column, row || key id

A value that only the law keeps (`encrypt(…, is_retained=True)`) begins with 0x02 and has other associated data. It is
decrypted only on request (`opens_retained`); for every other use it is erased.

Guarantee: without the data key, a ciphertext reveals only the length of its value. A ciphertext can be decrypted only
in the table, column and row that it was made for. Nonces are random: with 2^32 values per key, the chance of a
repetition stays below 2^-32 (NIST SP 800-38D, 8.3), and a person has a few hundred values.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from privacy.protection.data_key import KEY_ID_BYTES, KeyStore
from privacy.protection.errors import DestroyedKeyError, ProtectionError, TamperedCiphertextError
from privacy.protection.key_wrapper import NONCE_BYTES

_FORMAT = b"\x01"
RETAINED = b"\x02"
"""First byte of a value that only the law keeps."""
_HEADER = 1 + KEY_ID_BYTES + NONCE_BYTES
_TAG_BYTES = 16
OVERHEAD_BYTES = _HEADER + _TAG_BYTES
"""Bytes by which a ciphertext is longer than its value in UTF-8."""


@dataclass(frozen=True)
class TableColumn:
    """The table and column that a ciphertext belongs to."""

    table: str
    column: str

    def prefix(self, *, is_retained: bool = False) -> bytes:
        """Return the associated data that all rows share. Lengths make the concatenation unambiguous."""
        parts = [text.encode() for text in (self.table, self.column)]
        use = b"bojagi retained field" if is_retained else b"bojagi field"
        return use + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


class FieldCipher:
    """Encrypts and decrypts columns with the data keys of a key store."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store

    @property
    def store(self) -> KeyStore:
        """The data keys."""
        return self._store

    def encrypt(
        self, values: pa.Array, owners: pa.Array, rows: pa.Array, column: TableColumn, *, is_retained: bool = False
    ) -> pa.Array:
        """Return the column encrypted, as binary values.

        Args:
            values: texts; null stays null.
            owners: opaque name of each row's source person; may be null only where the value is null.
            rows: name of each row, unique in its table and never changed, such as its hash (text, integer or bytes).
            column: the table and column.
            is_retained: whether only the law keeps the values.

        Raises:
            ProtectionError: lengths differ, or a value has no owner.
        """
        if not len(values) == len(owners) == len(rows):
            raise ProtectionError(
                f"Got {len(values)} values, {len(owners)} owners, {len(rows)} rows; expected equal numbers."
            )
        texts, names, marks = values.cast(pa.string()).to_pylist(), owners.to_pylist(), _marks(rows)
        present = {name for name, text in zip(names, texts, strict=True) if text is not None}
        if None in present:
            raise ProtectionError(
                f"{column.table}.{column.column}: a value is without an owner; pass the source person of every value."
            )
        keys = self._store.keys_of(sorted(present))
        ready = {name: (key.key_id, AESGCM(key.secret)) for name, key in keys.items()}
        start = RETAINED if is_retained else _FORMAT
        prefix, nonces = column.prefix(is_retained=is_retained), os.urandom(NONCE_BYTES * len(texts))
        made: list[bytes | None] = []
        for i, (text, name, mark) in enumerate(zip(texts, names, marks, strict=True)):
            if text is None:
                made.append(None)
                continue
            key_id, cipher = ready[name]
            nonce = nonces[i * NONCE_BYTES : (i + 1) * NONCE_BYTES]
            sealed = cipher.encrypt(nonce, text.encode(), prefix + mark + key_id)
            made.append(start + key_id + nonce + sealed)
        return pa.array(made, pa.binary())

    def decrypt(
        self,
        values: pa.Array,
        rows: pa.Array,
        column: TableColumn,
        on_destroyed: Literal["raise", "null"] = "raise",
        *,
        opens_retained: bool = False,
    ) -> pa.Array:
        """Return the column decrypted, in memory.

        Args:
            values: the result of `encrypt`; null stays null.
            rows: the same names as for `encrypt`.
            column: the same table and column as for `encrypt`.
            on_destroyed: what to do with a value whose key was destroyed: raise, or return null.
            opens_retained: whether to decrypt values that only the law keeps; otherwise they count as destroyed.

        Raises:
            DestroyedKeyError: a key was destroyed, and `on_destroyed` is "raise".
            LostKeyError: a key is not in this key store.
            TamperedCiphertextError: a ciphertext was changed, or belongs to another table, column or row.
        """
        if len(values) != len(rows):
            raise ProtectionError(f"Got {len(values)} values and {len(rows)} rows; expected equal numbers.")
        prefixes = {_FORMAT: column.prefix(), RETAINED: column.prefix(is_retained=True)}
        ciphertexts = values.to_pylist()
        named = {value[1 : 1 + KEY_ID_BYTES] for value in ciphertexts if value is not None}
        # For this call only: a key that is destroyed later must not stay in memory.
        ciphers = {key_id: AESGCM(secret) for key_id, secret in self._store.keys(named).items()}
        opened: list[str | None] = []
        for number, (value, mark) in enumerate(zip(ciphertexts, _marks(rows), strict=True)):
            if value is None:
                opened.append(None)
                continue
            if len(value) < OVERHEAD_BYTES or value[:1] not in prefixes:
                raise _tampered(column, number)
            if value[:1] == RETAINED and not opens_retained:
                if on_destroyed == "raise":
                    raise DestroyedKeyError(
                        f"{column.table}.{column.column}: the value at position {number} is erased; the law keeps it."
                    )
                opened.append(None)
                continue
            key_id, nonce = value[1 : 1 + KEY_ID_BYTES], value[1 + KEY_ID_BYTES : _HEADER]
            try:
                if key_id not in ciphers:
                    ciphers[key_id] = AESGCM(self._store.key(key_id))
                plain = ciphers[key_id].decrypt(nonce, value[_HEADER:], prefixes[value[:1]] + mark + key_id)
            except DestroyedKeyError:
                if on_destroyed == "raise":
                    raise
                opened.append(None)
            except InvalidTag:
                raise _tampered(column, number) from None
            else:
                opened.append(plain.decode())
        return pa.array(opened, pa.string())

    def destroy(self, owners: Iterable[str]) -> int:
        """Destroy the keys of owners, see `KeyStore.destroy`; return how many keys were destroyed."""
        return self._store.destroy(owners)


def _marks(rows: pa.Array) -> list[bytes]:
    if rows.null_count:
        raise ProtectionError("A row has no name; pass a name for every row, such as its hash.")
    is_binary = pa.types.is_binary(rows.type) or pa.types.is_fixed_size_binary(rows.type)
    marks = rows.to_pylist() if is_binary else [text.encode() for text in rows.cast(pa.string()).to_pylist()]
    return [len(mark).to_bytes(4, "big") + mark for mark in marks]


def _tampered(column: TableColumn, number: int) -> TamperedCiphertextError:
    return TamperedCiphertextError(
        f"{column.table}.{column.column}: the ciphertext at position {number} was changed or moved from another table, "
        "column or row. Restore the table from a version before the change."
    )
