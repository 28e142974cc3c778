"""Row hashes that tell equal rows from unequal ones only to who holds the secret.

keyed(row) = AES-256(key, h(row)), with the 128-bit hash h as the one block.

Guarantee: AES is a keyed permutation, so keyed hashes are equal exactly where the hashes are, and without the key they
cannot be told from random different blocks: nobody can test a guessed row (a phone number, say) against them. Equality
stays visible; that is what they are for.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

Words = npt.NDArray[np.uint64]


def key_hashes(low: Words, high: Words, key: bytes) -> tuple[Words, Words]:
    """The keyed form of hashes, given and returned as two lanes of 64 bits.

    >>> lanes = np.array([1, 1, 2], np.uint64), np.array([5, 5, 5], np.uint64)
    >>> low, high = key_hashes(*lanes, bytes(32))
    >>> bool(low[0] == low[1] and high[0] == high[1]), bool(low[0] == low[2]), bool(low[0] == lanes[0][0])
    (True, False, False)
    """
    blocks = np.empty((len(low), 2), "<u8")
    blocks[:, 0] = low
    blocks[:, 1] = high
    # One block a hash, each different or meant to show that it is equal: what ECB leaks is what is wanted.
    sealed = Cipher(AES256(key), ECB()).encryptor().update(blocks.data.cast("B"))
    keyed = np.frombuffer(sealed, "<u8").reshape(-1, 2)
    return np.ascontiguousarray(keyed[:, 0]).astype(np.uint64), np.ascontiguousarray(keyed[:, 1]).astype(np.uint64)
