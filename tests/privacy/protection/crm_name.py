"""A column of names, and the key store with which tests encrypt it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from privacy.protection.field import FieldCipher, TableColumn
from privacy.protection.key_store import WrappedKeyStore
from privacy.protection.key_wrapper import FileKeyWrapper

PLACE = TableColumn("bronze/crm_customer", "name")
VALUES = pa.array(["김하늘", "Ha-neul Kim", None, ""])
OWNERS = pa.array(["crm:1", "crm:2", None, "crm:1"])
ROWS = pa.array(["a", "b", "c", "d"])


def open_store(folder: Path, key: str = "kek.json") -> WrappedKeyStore:
    return WrappedKeyStore(folder / "keys.db", FileKeyWrapper(folder / key))


def encrypted(store: WrappedKeyStore) -> pa.Array:
    return FieldCipher(store).encrypt(VALUES, OWNERS, ROWS, PLACE)
