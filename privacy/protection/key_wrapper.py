"""Key-encryption keys: what wraps the data keys. The key store holds only what a wrapper has wrapped.

`FileKeyWrapper` keeps its keys in a private file, apart from the store; `pkcs11_wrapper.Pkcs11KeyWrapper` keeps
them in a hardware module that they never leave.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from privacy.private_file import create_once, replace
from privacy.protection.errors import LostKeyError, ProtectionError, WrongKeyError

KEY_BYTES = 32
NONCE_BYTES = 12


class KeyWrapper(Protocol):
    """Versions of a key-encryption key, one of them current."""

    def current(self) -> str:
        """Version that wraps new keys, as of now: `wrap` uses what was returned last."""
        ...

    def versions(self) -> tuple[str, ...]:
        """All versions that can still unwrap."""
        ...

    def add_version(self) -> str:
        """Make a new version and make it current. Only while the store's rotation lock is held."""
        ...

    def destroy_version(self, version: str) -> None:
        """Destroy a version for good; what only it can unwrap is lost."""
        ...

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Encrypt a key under the current version, bound to a context."""
        ...

    def unwrap(self, version: str, wrapped: bytes, context: bytes) -> bytes:
        """Give back what `wrap` encrypted.

        Raises:
            LostKeyError: there is no such version.
            WrongKeyError: this version did not wrap it in that context.
        """
        ...


class FileKeyWrapper:
    """Key-encryption keys in a file that only its owner may read."""

    def __init__(self, path: Path) -> None:
        """Read the file; on first use, make it with one key.

        Raises:
            ProtectionError: others may read the file, or it holds no keys.
        """
        self.path = path
        self._keys: dict[str, bytes] = {}
        self._current = ""
        if not path.exists():
            self._create()
        self._read()

    def current(self) -> str:
        """Version that wraps new keys. Reads the file anew: another process may have rotated."""
        self._read()
        return self._current

    def versions(self) -> tuple[str, ...]:
        """All versions that can still unwrap."""
        return tuple(self._keys)

    def add_version(self) -> str:
        """Make a new version and make it current."""
        self._read()
        version = secrets.token_hex(8)
        self._write({**self._keys, version: secrets.token_bytes(KEY_BYTES)}, version)
        return version

    def destroy_version(self, version: str) -> None:
        """Destroy a version. (Copies of the file are not in our reach: keep none.)"""
        if version == self.current():
            raise ProtectionError("Refused to destroy the current key-encryption key; add a version first.")
        self._write({v: key for v, key in self._keys.items() if v != version}, self._current)

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Nonce and AES-256-GCM ciphertext of the key."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self._keys[self._current]).encrypt(nonce, key, context)

    def unwrap(self, version: str, wrapped: bytes, context: bytes) -> bytes:
        """Give back what `wrap` encrypted."""
        if version not in self._keys:
            self._read()
        if version not in self._keys:
            raise LostKeyError(
                f"{self.path}: has no key-encryption key {version}; it was lost or rotated out. "
                "Bring back the key that the store was last used with."
            )
        try:
            return AESGCM(self._keys[version]).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
        except InvalidTag as error:
            raise WrongKeyError(f"{self.path}: version {version} did not wrap this store's keys.") from error

    def _create(self) -> None:
        """Make the file with one key; the first of several processes wins."""
        version = secrets.token_hex(8)
        create_once(self.path, _text({version: secrets.token_bytes(KEY_BYTES)}, version))

    def _read(self) -> None:
        mode = stat.S_IMODE(self.path.stat().st_mode)
        if mode & 0o077:
            raise ProtectionError(
                f"{self.path}: others may read the key-encryption key (mode {mode:04o}, expected 0600). Run chmod 600 "
                "on it, and `bojagi keys rotate` if somebody else could have read it."
            )
        try:
            held = json.loads(self.path.read_text("ascii"))
            self._keys = {str(v): bytes.fromhex(key) for v, key in held["keys"].items()}
            self._current = str(held["current"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ProtectionError(f"{self.path}: holds no key-encryption keys of ours.") from error
        if self._current not in self._keys or any(len(key) != KEY_BYTES for key in self._keys.values()):
            raise ProtectionError(f"{self.path}: holds no key-encryption keys of ours.")

    def _write(self, keys: dict[str, bytes], current: str) -> None:
        replace(self.path, _text(keys, current))
        self._keys, self._current = keys, current


def _text(keys: dict[str, bytes], current: str) -> str:
    return json.dumps({"current": current, "keys": {version: key.hex() for version, key in keys.items()}})
