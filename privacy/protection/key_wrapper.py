"""Key-encryption keys, which wrap (encrypt) the data keys. The key store holds only wrapped keys.

`FileKeyWrapper` keeps its keys in a private file, apart from the key store. `pkcs11_wrapper.Pkcs11KeyWrapper` keeps
them in a hardware module, and they never leave it.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from privacy.protection.errors import LostKeyError, ProtectionError, WrongKeyError
from privacy.storage.atomic_file import create_private, replace_private
from privacy.storage.secret_file import KEY_BYTES, SecretError, read_secret

NONCE_BYTES = 12


class KeyWrapper(Protocol):
    """Versions of a key-encryption key, one of them current."""

    def current(self) -> str:
        """Return the version that wraps new keys. `wrap` uses the version that this returned last."""
        ...

    def versions(self) -> tuple[str, ...]:
        """Return all versions that can still unwrap."""
        ...

    def add_version(self) -> str:
        """Create a new version, make it current and return it. The caller must own the rotation lock."""
        ...

    def use(self, version: str) -> None:
        """Make this the version that wraps new keys: it is the one that the key store uses.

        Raises:
            LostKeyError: there is no such version. Keys that another one wraps could not be read by other machines.
        """
        ...

    def destroy_version(self, version: str) -> None:
        """Destroy a version for good. Keys that only this version can unwrap are lost."""
        ...

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Return the key encrypted with the current version and bound to a context."""
        ...

    def unwrap(self, version: str, wrapped: bytes, context: bytes) -> bytes:
        """Return the key that `wrap` encrypted.

        Raises:
            LostKeyError: there is no such version.
            WrongKeyError: this version did not wrap this key in this context.
        """
        ...


class FileKeyWrapper:
    """Key-encryption keys in a file that only its owner may read."""

    def __init__(self, path: Path, *, makes: bool = True) -> None:
        """Read the file.

        Args:
            path: the file.
            makes: whether it is created with one key if there is none. False when keys exist that it has wrapped.

        Raises:
            LostKeyError: the file is missing, and `makes` is False.
            ProtectionError: others may read the file, or it does not hold key-encryption keys.
        """
        self.path = path
        self._keys: dict[str, bytes] = {}
        self._current = ""
        if not path.exists():
            if not makes:
                raise LostKeyError(
                    f"{path}: the key-encryption keys are missing, and the key store was made with them. Restore the "
                    "file."
                )
            self._create()
        self._read()

    def current(self) -> str:
        """Return the version that wraps new keys. Reads the file again, because another process may have rotated."""
        self._read()
        return self._current

    def versions(self) -> tuple[str, ...]:
        """Return all versions that can still unwrap."""
        return tuple(self._keys)

    def add_version(self) -> str:
        """Create a new version, make it current and return it."""
        self._read()
        version = secrets.token_hex(8)
        self._write({**self._keys, version: secrets.token_bytes(KEY_BYTES)}, version)
        return version

    def use(self, version: str) -> None:
        """Make this version of the file the current one, see `KeyWrapper.use`."""
        if version == self.current():
            return
        if version not in self._keys:
            raise self._lost(version)
        self._write(self._keys, version)

    def destroy_version(self, version: str) -> None:
        """Destroy a version in this file. Copies of the file still contain it, so delete them."""
        if version == self.current():
            raise ProtectionError(
                "The current key-encryption key cannot be destroyed. Create a new one first: `bojagi keys rotate`."
            )
        self._write({v: key for v, key in self._keys.items() if v != version}, self._current)

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Return the nonce and the AES-256-GCM ciphertext of the key."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self._keys[self._current]).encrypt(nonce, key, context)

    def unwrap(self, version: str, wrapped: bytes, context: bytes) -> bytes:
        """Return the key that `wrap` encrypted, see `KeyWrapper.unwrap`."""
        if version not in self._keys:
            self._read()
        if version not in self._keys:
            raise self._lost(version)
        try:
            return AESGCM(self._keys[version]).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
        except InvalidTag as error:
            raise WrongKeyError(
                f"{self.path}: key-encryption key {version} did not wrap the keys of this key store. Restore the right "
                "key file."
            ) from error

    def _lost(self, version: str) -> LostKeyError:
        return LostKeyError(
            f"{self.path}: has no key-encryption key {version}; it was lost, or destroyed by a rotation. After a "
            "rotation on another machine, copy this file from there. Otherwise restore the newest key file together "
            "with the newest key store."
        )

    def _create(self) -> None:
        """Create the file with one key, unless another process has done so meanwhile."""
        version = secrets.token_hex(8)
        create_private(self.path, _text({version: secrets.token_bytes(KEY_BYTES)}, version))

    def _read(self) -> None:
        try:
            text = read_secret(self.path)
        except SecretError as error:
            raise ProtectionError(f"{error.message} Then run `bojagi keys rotate`.") from error
        try:
            content = json.loads(text)
            self._keys = {str(v): bytes.fromhex(key) for v, key in content["keys"].items()}
            self._current = str(content["current"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ProtectionError(f"{self.path}: this is not a file of key-encryption keys. Restore it.") from error
        if self._current not in self._keys or any(len(key) != KEY_BYTES for key in self._keys.values()):
            raise ProtectionError(f"{self.path}: this is not a file of key-encryption keys. Restore it.")

    def _write(self, keys: dict[str, bytes], current: str) -> None:
        replace_private(self.path, _text(keys, current))
        self._keys, self._current = keys, current


def _text(keys: dict[str, bytes], current: str) -> str:
    return json.dumps({"current": current, "keys": {version: key.hex() for version, key in keys.items()}})
