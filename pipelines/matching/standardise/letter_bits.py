"""Bit patterns of texts: they show for most pairs of texts, without an edit distance, that the texts differ too much.

Each byte (of UTF-8, as DuckDB counts distances) falls into one of 16 slots of 4 bits. A slot has as many bits set as
bytes fell into it, up to 4. One edit changes at most two of the 64 bits, so texts within k edits differ in at most 2k
bits. The bits only save work: pairs that pass them are compared in full.
"""

from collections.abc import Iterable, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

_SLOTS, _DEPTH = 16, 4
_ONE, _FULL = np.uint64(1), np.uint64(15)
# Longer texts are processed one by one, so that one of them does not widen the matrix of all texts.
_USUAL_LENGTH = 96
_TOKEN_BITS = 62


def letter_bits(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the bit pattern of each text (64 bits).

    >>> one, two, far = letter_bits(["01012345678", "01012345679", "ada"])
    >>> (int(one) ^ int(two)).bit_count() <= 2, (int(one) ^ int(far)).bit_count() > 4
    (True, True)
    """
    encoded = [t.encode() for t in texts]
    bits = np.zeros(len(texts), dtype=np.uint64)
    is_long = np.fromiter((len(t) > _USUAL_LENGTH for t in encoded), dtype=bool, count=len(texts))
    for position in np.flatnonzero(is_long):
        bits[position] = _of_matrix(np.array([encoded[position]]))[0]
    usual = np.flatnonzero(~is_long)
    if len(usual):
        bits[usual] = _of_matrix(np.array([encoded[n] for n in usual]))
    return bits.view(np.int64)


def token_bits(tokens: Iterable[str]) -> int:
    """Return a number with one bit set per token: a list can contain a token only if its bits include the token's bit.

    >>> token_bits(["kim"]) & token_bits(["min", "kim"]) == token_bits(["kim"])
    True
    """
    bits = 0
    for token in tokens:
        bits |= 1 << (crc32(token.encode()) % _TOKEN_BITS)
    return bits


def number_bits(numbers: Iterable[int]) -> int:
    """Return a number with one bit set per number: two lists with a common number have a common bit.

    >>> number_bits([3, 70]) & number_bits([70, 5]) != 0
    True
    """
    bits = 0
    for number in numbers:
        bits |= 1 << (number % _TOKEN_BITS)
    return bits


def _of_matrix(texts: NDArray[np.bytes_]) -> NDArray[np.uint64]:
    width = max(texts.dtype.itemsize, 1)
    letters = np.ascontiguousarray(texts).view(np.uint8).reshape(len(texts), width)
    bits = np.zeros(len(texts), dtype=np.uint64)
    for column in letters.T:
        position = (column % _SLOTS * _DEPTH).astype(np.uint64)
        slot = (bits >> position) & _FULL
        # Set one more bit of the slot: 0, 1, 11, 111 become 1, 11, 111, 1111.
        grown = ((slot << _ONE) | _ONE) & _FULL
        bits |= np.where(column > 0, grown << position, np.uint64(0))
    return bits
