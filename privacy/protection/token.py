"""Matching keys without the identifier: keyed hashes by which records of one person meet.

token(kind, value) = HMAC-SHA256(secret, kind || 0x00 || normal_form(value)), in hexadecimal.

Guarantee: who does not hold the secret can neither compute the token of a guessed phone number nor link
tokens of different kinds; equal tokens of a kind mean equal normal forms (but for a collision of
SHA-256). Who holds the secret can test guesses, and the space of phone numbers is small: the secret is
what is protected.
"""

import hashlib
import hmac
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from privacy.errors import PrivacyError
from privacy.private_file import create_once
from privacy.protection.normal_form import DEFAULT_REGION, normaliser

SECRET_BYTES = 32


class SecretError(PrivacyError):
    """The secret behind the tokens cannot be used."""


class Tokenizer:
    """Makes tokens with one secret.

    >>> tokenizer = Tokenizer(bytes(32))
    >>> tokenizer.token("phone", "010-1234-5678") == tokenizer.token("phone", "+82 10 1234 5678")
    True
    >>> tokenizer.token("member_no", "1") == tokenizer.token("account_no", "1")
    False
    """

    def __init__(self, secret: bytes, phone_region: str = DEFAULT_REGION) -> None:
        if len(secret) != SECRET_BYTES:
            raise SecretError(f"The token secret has {len(secret)} bytes; expected {SECRET_BYTES}.")
        self._secret = secret
        self._phone_region = phone_region

    def derived_key(self, use: str) -> bytes:
        """A key of 32 bytes for another use of the secret; it says nothing about the secret or other uses.

        >>> tokenizer = Tokenizer(bytes(32))
        >>> len(tokenizer.derived_key("row hash")), tokenizer.derived_key("a") == tokenizer.derived_key("b")
        (32, False)
        """
        # Tokens are keyed by a kind before a null byte; the first null byte keeps their inputs and ours apart.
        return hmac.new(self._secret, b"\0key\0" + use.encode(), hashlib.sha256).digest()

    def token(self, kind: str, value: str) -> str | None:
        """The token of one value; None when the value has no normal form of that kind."""
        return next(self._tokens(kind, [value]))

    def tokens(self, kind: str, values: pa.Array) -> pa.Array:
        """The tokens of a column of text or numbers, as a dictionary array (one entry a distinct value).

        Null where the value is null or has no normal form of that kind.
        """
        encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
        texts = encoded.dictionary.cast(pa.string()).to_pylist()
        made = pa.array(self._tokens(kind, texts), pa.string())
        distinct = pc.dictionary_encode(made)
        indices = distinct.indices.take(encoded.indices)
        return pa.DictionaryArray.from_arrays(indices, distinct.dictionary)

    def _tokens(self, kind: str, values: Iterable[str]) -> Iterator[str | None]:
        normalise = normaliser(kind, self._phone_region)
        keyed = hmac.new(self._secret, kind.encode() + b"\0", hashlib.sha256)
        for value in values:
            form = normalise(value)
            if form is None:
                yield None
                continue
            state = keyed.copy()
            state.update(form.encode())
            yield state.hexdigest()


def load_tokenizer(key_file: Path, phone_region: str = DEFAULT_REGION) -> Tokenizer:
    """Read the secret from its file; on first use, make it.

    Raises:
        SecretError: others may read the file, it cannot be read, or it holds no secret of ours.

    """
    try:
        secret = _read_secret(key_file) if key_file.exists() else _create_secret(key_file)
    except OSError as error:
        raise SecretError(f"{key_file}: cannot read or create the token secret: {error.strerror}.") from error
    return Tokenizer(secret, phone_region)


def _read_secret(key_file: Path) -> bytes:
    mode = stat.S_IMODE(key_file.stat().st_mode)
    if mode & 0o077:
        raise SecretError(
            f"{key_file}: others may read the token secret (mode {mode:04o}, expected 0600). Run chmod 600 on "
            "it; if somebody else could have read it, tokens can be traced back to people by trying values."
        )
    text = key_file.read_text(encoding="ascii", errors="replace").strip()
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise SecretError(f"{key_file}: expected {2 * SECRET_BYTES} hexadecimal digits.") from error


def _create_secret(key_file: Path) -> bytes:
    """Write a new secret to a private file; the first writer wins."""
    secret = secrets.token_bytes(SECRET_BYTES)
    return secret if create_once(key_file, secret.hex() + "\n") else _read_secret(key_file)
