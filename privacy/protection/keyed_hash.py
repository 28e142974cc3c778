"""Keyed row hashes: equal rows have equal hashes, but computing the hash of a guessed row needs the key.

keyed(row) = AES-256(key, h(row)), with the 128-bit hash h as the one block.

Guarantee: AES is a keyed permutation, so keyed hashes are equal exactly where the hashes are equal. Without the key
they look like random blocks, so a guessed row (such as a phone number) cannot be tested against them. Equality stays
visible, on purpose: rows are compared by it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

Words = npt.NDArray[np.uint64]


def key_hashes(low: Words, high: Words, key: bytes) -> tuple[Words, Words]:
    """Return the keyed form of hashes. Hashes are given and returned as two arrays of 64-bit words.

    >>> lanes = np.array([1, 1, 2], np.uint64), np.array([5, 5, 5], np.uint64)
    >>> low, high = key_hashes(*lanes, bytes(32))
    >>> bool(low[0] == low[1] and high[0] == high[1]), bool(low[0] == low[2]), bool(low[0] == lanes[0][0])
    (True, False, False)
    """
    # ECB encrypts equal blocks equally, which is wanted here: each block is one hash.
    return _words(Cipher(AES256(key), ECB()).encryptor().update(_blocks(low, high)))


def unkey_hashes(low: Words, high: Words, key: bytes) -> tuple[Words, Words]:
    """Return the hashes of which `key_hashes` made these keyed ones. Callers must not persist the result.

    >>> lanes = np.array([1, 2], np.uint64), np.array([5, 6], np.uint64)
    >>> [lane.tolist() for lane in unkey_hashes(*key_hashes(*lanes, bytes(32)), bytes(32))]
    [[1, 2], [5, 6]]
    """
    return _words(Cipher(AES256(key), ECB()).decryptor().update(_blocks(low, high)))


def _blocks(low: Words, high: Words) -> bytes:
    blocks = np.empty((len(low), 2), "<u8")
    blocks[:, 0] = low
    blocks[:, 1] = high
    return blocks.tobytes()


def _words(sealed: bytes) -> tuple[Words, Words]:
    keyed = np.frombuffer(sealed, "<u8").reshape(-1, 2)
    return np.ascontiguousarray(keyed[:, 0]).astype(np.uint64), np.ascontiguousarray(keyed[:, 1]).astype(np.uint64)
