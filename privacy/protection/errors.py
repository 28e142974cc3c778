"""What can go wrong with encryption: each a kind of its own, for each needs another remedy. Never a wrong plaintext."""

from privacy.errors import PrivacyError


class ProtectionError(PrivacyError):
    """Something could not be encrypted or decrypted."""


class WrongKeyError(ProtectionError):
    """The key-encryption key at hand is not the one that the key store was made with."""


class LostKeyError(ProtectionError):
    """The key store has never heard of the data key, or its key-encryption key is gone."""


class DestroyedKeyError(ProtectionError):
    """The data key was destroyed on purpose; what it encrypted is erased."""


class TamperedCiphertextError(ProtectionError):
    """A ciphertext was changed, cut, or moved to another table, column or row."""


class DamagedStoreError(ProtectionError):
    """The key store is no key store, or a key in it was changed."""


class RolledBackStoreError(ProtectionError):
    """The key store is older than its anchor says: an earlier copy was put back."""


class PurposeError(ProtectionError):
    """Personal data was asked for, for a purpose that it does not serve, or in a way that cannot be answered."""

    def __init__(self, message: str, table: str, purpose: str) -> None:
        super().__init__(message)
        self.table = table
        self.purpose = purpose
