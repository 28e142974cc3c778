"""Errors of encryption, one class per remedy (see docs/protection.md). Decryption never returns a wrong value."""

from privacy.errors import PrivacyError


class ProtectionError(PrivacyError):
    """Base class: a value could not be encrypted or decrypted."""


class WrongKeyError(ProtectionError):
    """The key-encryption key is not the one that wrapped the keys of this key store."""


class LostKeyError(ProtectionError):
    """The key store does not have the data key, or the key-encryption key that wrapped it no longer exists."""


class DestroyedKeyError(ProtectionError):
    """The data key was destroyed on purpose, so everything that it encrypted is erased."""


class TamperedCiphertextError(ProtectionError):
    """A ciphertext was changed or cut off, or moved to another table, column or row."""


class DamagedStoreError(ProtectionError):
    """The file is not a key store, or a key in it was changed."""


class RolledBackStoreError(ProtectionError):
    """The key store is older than its anchor, because an earlier copy was put back, or one of the two is missing."""


class PurposeError(ProtectionError):
    """Personal data was requested for a purpose that it may not serve, or without the columns that decryption needs."""

    def __init__(self, message: str, table: str, purpose: str) -> None:
        super().__init__(message)
        self.table = table
        self.purpose = purpose
