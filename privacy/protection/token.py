"""Matching keys (tokens): keyed hashes that are equal for equal identifiers and do not reveal the identifier.

token(kind, value) = HMAC-SHA256(secret, kind || 0x00 || normal_form(value)), in hexadecimal.

Guarantee: without the secret, it is infeasible to compute the token of a guessed phone number, or to link tokens of
different kinds. Equal tokens of a kind mean equal normal forms, except for a collision of SHA-256. With the secret,
guesses can be tested, and there are few phone numbers. So the secret must be protected.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from privacy.protection.normal_form import DEFAULT_REGION, normaliser
from privacy.storage.secret_file import KEY_BYTES, SecretError, load_key


class Tokenizer:
    """Makes tokens with one secret.

    `phone_region`: country of phone numbers that are written without a country code.

    >>> tokenizer = Tokenizer(bytes(32))
    >>> tokenizer.token("phone", "010-1234-5678") == tokenizer.token("phone", "+82 10 1234 5678")
    True
    >>> tokenizer.token("member_no", "1") == tokenizer.token("account_no", "1")
    False
    """

    def __init__(self, secret: bytes, phone_region: str = DEFAULT_REGION) -> None:
        if len(secret) != KEY_BYTES:
            raise SecretError(f"The token secret has {len(secret)} bytes; expected {KEY_BYTES}. Restore the secret.")
        self._secret = secret
        self._phone_region = phone_region

    def derived_key(self, use: str) -> bytes:
        """Return a 32-byte key for another use of the secret. It reveals neither the secret nor other derived keys.

        >>> tokenizer = Tokenizer(bytes(32))
        >>> len(tokenizer.derived_key("row hash")), tokenizer.derived_key("a") == tokenizer.derived_key("b")
        (32, False)
        """
        # The input of a token never starts with a null byte, so no token equals a derived key.
        return hmac.new(self._secret, b"\0key\0" + use.encode(), hashlib.sha256).digest()

    def token(self, kind: str, value: str) -> str | None:
        """Return the token of one value; None if the value has no normal form of this kind."""
        return next(self._tokens(kind, [value]))

    def tokens(self, kind: str, values: pa.Array) -> pa.Array:
        """Return the tokens of a column of text or numbers, as a dictionary array (one entry per distinct token).

        Null if the value is null or has no normal form of this kind.
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
    """Return a tokenizer with the secret in a file. Creates the file with a random secret if there is none.

    Raises:
        SecretError: others may read the file, it cannot be read or created, or it does not hold a secret.
    """
    return Tokenizer(load_key(key_file), phone_region)
