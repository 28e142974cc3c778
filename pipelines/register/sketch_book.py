"""Reads and writes the stored sketches, encrypted with AES-256-GCM and bound to the token of the person's number.

    row = base64(nonce (12 bytes) || AES-256-GCM(key, nonce, sketch, associated data))
    associated data = "bojagi identity sketch" || 0x00 || kind || 0x00 || token || 0x00 || layout

Guarantee: without the secret of the installation a row shows that the person exists and nothing else. With the secret
it shows keyed hashes. No value can be read from them; guessed values can be tested, as with the tokens of bronze.
"""

from __future__ import annotations

import os
from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from pipelines.matching.errors import IdentityError
from pipelines.register.key_index import key_text, positions
from privacy.protection.token import Tokenizer

if TYPE_CHECKING:
    # `sketch` takes a second to import; a run without changes does not need it.
    from pipelines.matching.sketch import Hashes, Layout

COLUMNS = ("token_kind", "token", "seen_at", "layout", "sketch")
_NONCE_BYTES = 12


class SketchError(IdentityError):
    """A stored sketch was changed, or was encrypted with another secret."""


@dataclass(frozen=True)
class SketchKeys:
    """Keys of sketches, 32 bytes each: one for hashing, one for encryption. `repr` does not show them."""

    hashing: bytes = field(repr=False)
    sealing: bytes = field(repr=False)

    @classmethod
    def of(cls, tokens: Tokenizer) -> SketchKeys:
        """Return the keys of an installation, derived from the secret of its matching keys."""
        return cls(tokens.derived_key("identity sketch"), tokens.derived_key("identity sketch seal"))

    @classmethod
    def random(cls) -> SketchKeys:
        """Return random keys that are not stored, so that sketches made with them are valid in one process only."""
        return cls(os.urandom(32), os.urandom(32))


def no_rows() -> pd.DataFrame:
    """Return an empty table with the columns of a sketch book."""
    return pd.DataFrame(columns=list(COLUMNS)).astype({"seen_at": "datetime64[us]"})


@dataclass(frozen=True)
class SketchBook:
    """Encrypted sketches and the keys to them.

    Attributes:
        keys: the keys of this installation.
        rows: one row per person: `token_kind` and `token` (unique together), `seen_at` (load time of the register
            entry that the sketch was made from), `layout` (hash of the layout) and `sketch` (encrypted).
    """

    keys: SketchKeys = field(default_factory=SketchKeys.random)
    rows: pd.DataFrame = field(default_factory=no_rows)

    def knows(self, people: pd.DataFrame) -> NDArray[np.bool_]:
        """Return for each person whether the book has the current version of the entry; true for all if it is empty.

        Args:
            people: one row per person: `kind`, `token`, `seen_at`.
        """
        if self.rows.empty:
            return np.ones(len(people), dtype=bool)
        return _positions(self.rows, people)[1]

    def open(self, people: pd.DataFrame, layout: Layout) -> tuple[Hashes, NDArray[np.bool_]]:
        """Return the decrypted sketches of people that the book has.

        Args:
            people: one row per person: `kind`, `token`, `seen_at`.
            layout: the layout that the sketches must have.

        Returns:
            One sketch per person, and whether the book has it: with this layout, and made from the current version of
            the entry. Sketches that the book does not have are zero.

        Raises:
            SketchError: a row was changed, or encrypted with another secret.
        """
        layout_hash = _layout_hash(layout)
        usable = self.rows[self.rows["layout"] == layout_hash]
        position, is_stored = _positions(usable, people)
        values = np.zeros((len(people), len(layout.expressions)), dtype=np.uint64)
        encrypted = usable["sketch"].to_numpy(dtype=object)[position[is_stored]]
        if len(encrypted):
            opened = self._decrypt(
                encrypted, _associated_data(people["kind"][is_stored], people["token"][is_stored], layout_hash)
            )
            values[is_stored] = np.frombuffer(opened, dtype="<u8").reshape(len(encrypted), -1)
        return values, is_stored

    def rows_for_next_run(self, people: pd.DataFrame, values: Hashes, layout: Layout) -> pd.DataFrame:
        """Return the rows of the book for the next run, one per person of `people`.

        A stored row stays if its layout and entry version are unchanged; otherwise the new sketch is encrypted. Rows of
        other people are dropped, so the next run deletes the sketch of a person that is no longer in a register.

        Args:
            people: one row per person: `kind`, `token`, `seen_at`.
            values: the sketch of each person.
            layout: the layout of the sketches.
        """
        layout_hash, keys = _layout_hash(layout), ["token_kind", "token", "seen_at"]
        now = people.rename(columns={"kind": "token_kind"})[keys].assign(row=np.arange(len(people)))
        old = self.rows[self.rows["layout"] == layout_hash].merge(now, on=keys)
        new = np.setdiff1d(now["row"], old["row"])
        if not len(new):
            return old[list(COLUMNS)]
        drawn = self.encrypt_rows(people.iloc[new], values[new], layout)
        return pd.concat([old[list(COLUMNS)], drawn], ignore_index=True) if len(old) else drawn

    def encrypt_rows(self, people: pd.DataFrame, values: Hashes, layout: Layout) -> pd.DataFrame:
        """Encrypt the sketch of each person and return the rows of a book.

        Args:
            people: one row per person: `kind`, `token`, `seen_at`.
            values: the sketch of each person.
            layout: the layout of the sketches.
        """
        layout_hash, cipher = _layout_hash(layout), AESGCM(self.keys.sealing)
        nonces = os.urandom(_NONCE_BYTES * len(people))
        rows = []
        texts = np.ascontiguousarray(values.astype("<u8"))
        for n, data in enumerate(_associated_data(people["kind"], people["token"], layout_hash)):
            nonce = nonces[n * _NONCE_BYTES : (n + 1) * _NONCE_BYTES]
            encrypted = cipher.encrypt(nonce, texts[n].tobytes(), data)
            rows.append(b64encode(nonce + encrypted).decode())
        return pd.DataFrame(
            {
                "token_kind": people["kind"].to_numpy(),
                "token": people["token"].to_numpy(),
                "seen_at": people["seen_at"].to_numpy(dtype="datetime64[us]"),
                "layout": layout_hash,
                "sketch": pd.Series(rows, dtype=object),
            }
        )

    def _decrypt(self, encrypted: Iterable[str], associated: Iterable[bytes]) -> bytes:
        cipher, rows = AESGCM(self.keys.sealing), map(a2b_base64, encrypted)
        try:
            return b"".join(
                cipher.decrypt(row[:_NONCE_BYTES], row[_NONCE_BYTES:], data)
                for row, data in zip(rows, associated, strict=True)
            )
        except (InvalidTag, ValueError) as error:
            raise SketchError(
                "silver/identity_sketch: a row was changed, or was encrypted with another token secret. Restore the "
                "table or the secret. Or delete the table; the next `bojagi run` makes the sketches again."
            ) from error


def _positions(rows: pd.DataFrame, people: pd.DataFrame) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return each person's position in the rows of a book, and whether that row is of the current entry version."""
    position = positions(key_text(rows["token_kind"], rows["token"]), key_text(people["kind"], people["token"]))
    seen, now = (frame["seen_at"].to_numpy(dtype="datetime64[us]") for frame in (rows, people))
    is_current = position >= 0
    is_current[is_current] = seen[position[is_current]] == now[is_current]
    return position, is_current


def _layout_hash(layout: Layout) -> str:
    return sha256(layout.version.encode()).hexdigest()[:16]


def _associated_data(kinds: pd.Series, tokens: pd.Series, layout_hash: str) -> list[bytes]:
    """Return the associated data of each person's sketch."""
    texts = pc.binary_join_element_wise("bojagi identity sketch", key_text(kinds, tokens), layout_hash, "\0")
    associated: list[bytes] = texts.cast(pa.binary()).to_pylist()
    return associated
