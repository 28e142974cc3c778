"""The secrets of a test's installation."""

from pathlib import Path

from privacy.protection.field import FieldCipher
from privacy.protection.key_store import WrappedKeyStore
from privacy.protection.key_wrapper import FileKeyWrapper
from privacy.protection.source_person import Protection
from privacy.protection.token import Tokenizer


def open_protection_in(folder: Path) -> Protection:
    """A tokenizer with a fixed secret, and a key store below the folder, made where there is none."""
    store = WrappedKeyStore(folder / "keys.db", FileKeyWrapper(folder / "key_encryption.json"))
    return Protection(Tokenizer(bytes(32)), FieldCipher(store))
