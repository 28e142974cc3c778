"""Data keys by their id and owner, and the protocol of a store of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

KEY_ID_BYTES = 16


@dataclass(frozen=True)
class DataKey:
    """A data key and its id. `repr` does not show the key."""

    key_id: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"DataKey({self.key_id.hex()})"


@dataclass(frozen=True)
class KeyStatus:
    """Numbers of keys in a store; `by_version` counts the data keys that each key-encryption key wraps."""

    data_keys: int
    destroyed: int
    generation: int
    current_version: str
    by_version: dict[str, int]


class KeyStore(Protocol):
    """Data keys by their id, and by their owner (a source person, named by an opaque token)."""

    def keys_of(self, owners: Sequence[str]) -> dict[str, DataKey]:
        """Return the key of each owner; create the keys that do not exist yet."""
        ...

    def key(self, key_id: bytes) -> bytes:
        """Return the key with this id.

        Raises:
            DestroyedKeyError: the key was destroyed on purpose.
            LostKeyError: this store never had such a key.
        """
        ...

    def keys(self, key_ids: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the keys with these ids. Ids that are unknown or whose key was destroyed are left out."""
        ...

    def ids_of(self, owners: Sequence[str]) -> dict[str, bytes]:
        """Return the id of each owner's key; owners without a key are left out. Creates no key."""
        ...

    def destroyed(self, key_ids: Iterable[bytes]) -> frozenset[bytes]:
        """Return those of the ids whose key was destroyed."""
        ...

    def destroy(self, owners: Iterable[str]) -> int:
        """Destroy the keys of these owners; return how many keys were destroyed."""
        ...

    def destroy_ids(self, key_ids: Iterable[bytes]) -> int:
        """Destroy the keys with these ids; return how many keys were destroyed."""
        ...

    def rotate(self) -> int:
        """Wrap all data keys with a new key-encryption key and destroy the old one; return the number of keys."""
        ...

    def status(self) -> KeyStatus:
        """Return the numbers of keys in the store."""
        ...
