"""The sketches of earlier runs, sealed: AES-256-GCM under a key of the installation, bound to the person's number.

row = base64(nonce (12) || AES-256-GCM(key, nonce, sketch, associated data))
associated data = "bojagi identity sketch" || 0x00 || kind || 0x00 || token || 0x00 || layout

Guarantee: without the installation's secret a row tells that there is such a person, and nothing of them. With it, it
tells keyed hashes, from which no value can be read, only guesses be tested: as the matching keys of bronze do.
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
from pipelines.register.key_place import key_text, places
from privacy.protection.token import Tokenizer

if TYPE_CHECKING:
    # What sketches are drawn with takes a second to load, which an up-to-date run need not spend.
    from pipelines.matching.sketch import Hashes, Layout

COLUMNS = ("token_kind", "token", "seen_at", "layout", "sketch")
_NONCE_BYTES = 12


class SketchError(IdentityError):
    """A kept sketch is not what was written."""


@dataclass(frozen=True)
class SketchKeys:
    """Two secrets of 32 bytes. `repr` does not show them."""

    hashing: bytes = field(repr=False)
    sealing: bytes = field(repr=False)

    @classmethod
    def of(cls, tokens: Tokenizer) -> SketchKeys:
        """Return the keys of an installation, derived from the secret of its matching keys."""
        return cls(tokens.derived_key("identity sketch"), tokens.derived_key("identity sketch seal"))

    @classmethod
    def random(cls) -> SketchKeys:
        """Keys that nobody will have again: sketches made with them serve one process."""
        return cls(os.urandom(32), os.urandom(32))


def nobody() -> pd.DataFrame:
    """Return no rows, with the columns of a book."""
    return pd.DataFrame(columns=list(COLUMNS)).astype({"seen_at": "datetime64[us]"})


@dataclass(frozen=True)
class SketchBook:
    """Sealed sketches with the keys to them.

    Attributes:
        keys: of this installation.
        rows: one row a person: `token_kind` and `token` (unique together), `seen_at` (the version of the entry that was
            drawn), `layout` and `sketch` (sealed).
    """

    keys: SketchKeys = field(default_factory=SketchKeys.random)
    rows: pd.DataFrame = field(default_factory=nobody)

    def knows(self, people: pd.DataFrame) -> NDArray[np.bool_]:
        """Tell which people's entries were there, in the same version, when the book was written; all of an empty book.

        Args:
            people: `kind`, `token`, `seen_at`.
        """
        if self.rows.empty:
            return np.ones(len(people), dtype=bool)
        return _places(self.rows, people)[1]

    def open(self, people: pd.DataFrame, layout: Layout) -> tuple[Hashes, NDArray[np.bool_]]:
        """Return the sketch of each person, and who has one of this layout and of the newest version of the entry.

        Args:
            people: `kind`, `token`, `seen_at`.
            layout: what the sketches must hold.

        Raises:
            SketchError: a row was changed, or sealed under another secret.
        """
        mark = _mark(layout)
        usable = self.rows[self.rows["layout"] == mark]
        place, there = _places(usable, people)
        values = np.zeros((len(people), len(layout.expressions)), dtype=np.uint64)
        sealed = usable["sketch"].to_numpy(dtype=object)[place[there]]
        if len(sealed):
            opened = self._unseal(sealed, _bound(people["kind"][there], people["token"][there], mark))
            values[there] = np.frombuffer(opened, dtype="<u8").reshape(len(sealed), -1)
        return values, there

    def follow(self, people: pd.DataFrame, values: Hashes, layout: Layout) -> pd.DataFrame:
        """Return the rows that follow these: of everybody, and sealed anew only where the sketch is.

        Nobody else's is kept, so who is gone from the registers is gone from here with the next run.
        """
        mark, keys = _mark(layout), ["token_kind", "token", "seen_at"]
        now = people.rename(columns={"kind": "token_kind"})[keys].assign(row=np.arange(len(people)))
        old = self.rows[self.rows["layout"] == mark].merge(now, on=keys)
        new = np.setdiff1d(now["row"], old["row"])
        if not len(new):
            return old[list(COLUMNS)]
        drawn = self.seal(people.iloc[new], values[new], layout)
        return pd.concat([old[list(COLUMNS)], drawn], ignore_index=True) if len(old) else drawn

    def seal(self, people: pd.DataFrame, values: Hashes, layout: Layout) -> pd.DataFrame:
        """Return rows of a book for people (`kind`, `token`, `seen_at`) and their sketches."""
        mark, cipher = _mark(layout), AESGCM(self.keys.sealing)
        nonces = os.urandom(_NONCE_BYTES * len(people))
        rows = []
        texts = np.ascontiguousarray(values.astype("<u8"))
        for n, data in enumerate(_bound(people["kind"], people["token"], mark)):
            nonce = nonces[n * _NONCE_BYTES : (n + 1) * _NONCE_BYTES]
            sealed = cipher.encrypt(nonce, texts[n].tobytes(), data)
            rows.append(b64encode(nonce + sealed).decode())
        return pd.DataFrame(
            {
                "token_kind": people["kind"].to_numpy(),
                "token": people["token"].to_numpy(),
                "seen_at": people["seen_at"].to_numpy(dtype="datetime64[us]"),
                "layout": mark,
                "sketch": pd.Series(rows, dtype=object),
            }
        )

    def _unseal(self, sealed: Iterable[str], bound: Iterable[bytes]) -> bytes:
        cipher, rows = AESGCM(self.keys.sealing), map(a2b_base64, sealed)
        try:
            return b"".join(
                cipher.decrypt(row[:_NONCE_BYTES], row[_NONCE_BYTES:], data)
                for row, data in zip(rows, bound, strict=True)
            )
        except (InvalidTag, ValueError) as error:
            raise SketchError(
                "silver/identity_sketch: a row was changed, or sealed under another token secret. Restore the table or "
                "the secret; or delete the table, and the next run draws the sketches again."
            ) from error


def _places(rows: pd.DataFrame, people: pd.DataFrame) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the place of each person in the rows of a book, and who has one for the same version of the entry."""
    place = places(key_text(rows["token_kind"], rows["token"]), key_text(people["kind"], people["token"]))
    seen, now = (frame["seen_at"].to_numpy(dtype="datetime64[us]") for frame in (rows, people))
    there = place >= 0
    there[there] = seen[place[there]] == now[there]
    return place, there


def _mark(layout: Layout) -> str:
    return sha256(layout.version.encode()).hexdigest()[:16]


def _bound(kinds: pd.Series, tokens: pd.Series, mark: str) -> list[bytes]:
    """Return the associated data of each person's sketch."""
    texts = pc.binary_join_element_wise("bojagi identity sketch", key_text(kinds, tokens), mark, "\0")
    bound: list[bytes] = texts.cast(pa.binary()).to_pylist()
    return bound
