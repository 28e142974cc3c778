"""A column of names, and the key store with which tests encrypt it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from privacy.protection.field import FieldCipher, TableColumn
from privacy.protection.key_store import WrappedKeyStore
from privacy.protection.key_wrapper import FileKeyWrapper

if TYPE_CHECKING:
    from privacy.storage.database import Place

PLACE = TableColumn("bronze/crm_customer", "name")
VALUES = pa.array(["김하늘", "Ha-neul Kim", None, ""])
OWNERS = pa.array(["crm:1", "crm:2", None, "crm:1"])
ROWS = pa.array(["a", "b", "c", "d"])


def open_store(folder: Path, key: str = "kek.json", place: Place | None = None) -> WrappedKeyStore:
    wrapper = FileKeyWrapper(folder / key)
    return WrappedKeyStore(place or folder / "keys.db", wrapper, folder / "keys.db.anchor")


def encrypted(store: WrappedKeyStore) -> pa.Array:
    return FieldCipher(store).encrypt(VALUES, OWNERS, ROWS, PLACE)
