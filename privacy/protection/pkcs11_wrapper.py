"""Key-encryption keys in a PKCS#11 module: a hardware module, a cloud HSM, or SoftHSM 2 in tests.

The keys are created in the module, cannot be extracted and never leave it: the module encrypts and decrypts data keys.
Needs the extra `hsm` (`python-pkcs11`).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import PinIncorrect, PKCS11Error

from privacy.protection.errors import LostKeyError, ProtectionError, WrongKeyError
from privacy.protection.key_wrapper import NONCE_BYTES

_LABEL = "bojagi-key-encryption-key"
_TAG_BITS = 128


@dataclass
class _Login:
    """The login of this process to one token, shared by all wrappers: a process may log in only once."""

    session: Any
    pin_digest: bytes
    users: int = 0


_LOGINS: dict[tuple[str, str], _Login] = {}
_LOCK = threading.Lock()


def _log_in(module: str, token_label: str, pin: str) -> Any:
    digest = hashlib.sha256(pin.encode()).digest()
    with _LOCK:
        login = _LOGINS.get((module, token_label))
        if login is None:
            token = pkcs11.lib(module).get_token(token_label=token_label)
            login = _LOGINS[module, token_label] = _Login(token.open(rw=True, user_pin=pin), digest)
        elif not hmac.compare_digest(login.pin_digest, digest):
            raise PinIncorrect
        login.users += 1
        return login.session


def _log_out(module: str, token_label: str) -> None:
    with _LOCK:
        login = _LOGINS.get((module, token_label))
        if login is None:
            return
        login.users -= 1
        if login.users == 0:
            del _LOGINS[module, token_label]
            login.session.close()


class Pkcs11KeyWrapper:
    """Key-encryption keys as objects of a token: the id is the version, and the label marks the current one."""

    def __init__(self, module: Path, token_label: str, pin: str) -> None:
        """Log in to the token, and create a key in it if there is none.

        Raises:
            ProtectionError: the module cannot be loaded, or it refused the token or the PIN.
        """
        self._name = f"PKCS#11 token {token_label}"
        self._login = (str(module), token_label)
        try:
            self._session = _log_in(*self._login, pin)
        except (PKCS11Error, RuntimeError) as error:
            raise ProtectionError(
                f"{self._name}: {module} refused the token or the PIN ({type(error).__name__}). "
                "Check hsm_module, hsm_token and hsm_pin_file."
            ) from error
        if not self._keys(_LABEL):
            self._make()

    def close(self) -> None:
        """Log out, unless another wrapper of this process uses the login."""
        _log_out(*self._login)

    def current(self) -> str:
        """Return the version that wraps new keys."""
        (key,) = self._keys(_LABEL)
        return bytes(key.id).hex()

    def versions(self) -> tuple[str, ...]:
        """Return all versions that can still unwrap."""
        return tuple(bytes(key.id).hex() for label in (_LABEL, f"{_LABEL}-old") for key in self._keys(label))

    def add_version(self) -> str:
        """Create a new version, make it current and return it."""
        for key in self._keys(_LABEL):
            key[Attribute.LABEL] = f"{_LABEL}-old"
        return self._make()

    def use(self, version: str) -> None:
        """Make this version the current one, see `KeyWrapper.use`."""
        if version == self.current():
            return
        used = self._key(version)
        for key in self._keys(_LABEL):
            key[Attribute.LABEL] = f"{_LABEL}-old"
        used[Attribute.LABEL] = _LABEL

    def destroy_version(self, version: str) -> None:
        """Destroy a version for good."""
        if version == self.current():
            raise ProtectionError(
                "The current key-encryption key cannot be destroyed. Create a new one first: `bojagi keys rotate`."
            )
        self._key(version).destroy()

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Return the nonce and the AES-256-GCM ciphertext of the key, which the module encrypts."""
        nonce = os.urandom(NONCE_BYTES)
        parameters = GCMParams(nonce, context, _TAG_BITS)
        (current,) = self._keys(_LABEL)
        sealed = current.encrypt(key, mechanism=Mechanism.AES_GCM, mechanism_param=parameters)
        return nonce + bytes(sealed)

    def unwrap(self, version: str, wrapped: bytes, context: bytes) -> bytes:
        """Return the key that `wrap` encrypted, see `KeyWrapper.unwrap`."""
        key = self._key(version)
        parameters = GCMParams(wrapped[:NONCE_BYTES], context, _TAG_BITS)
        try:
            plain = key.decrypt(wrapped[NONCE_BYTES:], mechanism=Mechanism.AES_GCM, mechanism_param=parameters)
        except PKCS11Error as error:
            # Modules use different errors for a wrong authentication tag.
            raise WrongKeyError(
                f"{self._name}: version {version} did not wrap the keys of this key store. Check hsm_token."
            ) from error
        return bytes(plain)

    def _make(self) -> str:
        identifier = secrets.token_bytes(8)
        self._session.generate_key(
            KeyType.AES,
            256,
            label=_LABEL,
            id=identifier,
            store=True,
            template={Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True, Attribute.MODIFIABLE: True},
        )
        return identifier.hex()

    def _keys(self, label: str) -> list[Any]:
        wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: label}
        return [key for key in self._session.get_objects(wanted) if isinstance(key, pkcs11.SecretKey)]

    def _key(self, version: str) -> Any:
        wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.ID: bytes.fromhex(version)}
        found = [key for key in self._session.get_objects(wanted) if isinstance(key, pkcs11.SecretKey)]
        if not found:
            raise LostKeyError(
                f"{self._name}: has no key-encryption key {version}; it was lost, or destroyed by a rotation. "
                "Restore the newest key store."
            )
        return found[0]
