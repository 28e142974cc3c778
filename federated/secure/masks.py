"""Masks: 64-bit numbers drawn from a 32-byte key, added to values modulo 2⁶⁴ so that single values look random."""

from __future__ import annotations

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

# Each key makes one stream, so the counter starts at 0.
_COUNTER = modes.CTR(bytes(16))


class MaskStream:
    """Adds and subtracts the masks of keys to one array of values, reusing its memory."""

    def __init__(self, values: NDArray[np.uint64]) -> None:
        """Start from a copy of the values."""
        self.values = values.copy()
        self._zeros = bytes(values.nbytes)
        self._block = bytearray(values.nbytes + 15)
        self._stream = np.frombuffer(self._block, dtype="<u8", count=values.size)

    def add(self, key: bytes) -> None:
        """Add the mask of a key, modulo 2⁶⁴."""
        self._fill(key)
        np.add(self.values, self._stream, out=self.values)

    def subtract(self, key: bytes) -> None:
        """Subtract the mask of a key, modulo 2⁶⁴."""
        self._fill(key)
        np.subtract(self.values, self._stream, out=self.values)

    def apply_pair(self, key: bytes, *, name: str, peer: str) -> None:
        """Apply the mask that `name` and `peer` share: the first by name adds it, the other subtracts it."""
        if name < peer:
            self.add(key)
        else:
            self.subtract(key)

    def _fill(self, key: bytes) -> None:
        Cipher(algorithms.AES256(key), _COUNTER).encryptor().update_into(self._zeros, self._block)
