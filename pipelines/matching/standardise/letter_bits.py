"""Bit patterns of texts by which most pairs are seen to be far apart without an edit distance.

Each byte (of UTF-8, as DuckDB's distances count) falls into one of 16 slots of 4 bits; a slot holds as many ones as it
has bytes, up to 4. One edit changes at most two of the 64 bits, so texts within k edits differ in at most 2k bits.
That only ever saves work: what it lets through is compared in full.
"""

from collections.abc import Iterable, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

_SLOTS, _DEPTH = 16, 4
_ONE, _FULL = np.uint64(1), np.uint64(15)
# Longer texts are worked on apart, so that one of them does not widen the matrix of all.
_USUAL_LENGTH = 96
_TOKEN_BITS = 62


def letter_bits(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the pattern of each text.

    >>> one, two, far = letter_bits(["01012345678", "01012345679", "ada"])
    >>> (int(one) ^ int(two)).bit_count() <= 2, (int(one) ^ int(far)).bit_count() > 4
    (True, True)
    """
    encoded = [t.encode() for t in texts]
    bits = np.zeros(len(texts), dtype=np.uint64)
    is_long = np.fromiter((len(t) > _USUAL_LENGTH for t in encoded), dtype=bool, count=len(texts))
    for place in np.flatnonzero(is_long):
        bits[place] = _of_matrix(np.array([encoded[place]]))[0]
    usual = np.flatnonzero(~is_long)
    if len(usual):
        bits[usual] = _of_matrix(np.array([encoded[n] for n in usual]))
    return bits.view(np.int64)


def token_bits(tokens: Iterable[str]) -> int:
    """Return one bit a token; a token can only be in a list whose bits include its own.

    >>> token_bits(["kim"]) & token_bits(["min", "kim"]) == token_bits(["kim"])
    True
    """
    bits = 0
    for token in tokens:
        bits |= 1 << (crc32(token.encode()) % _TOKEN_BITS)
    return bits


def _of_matrix(texts: NDArray[np.bytes_]) -> NDArray[np.uint64]:
    width = max(texts.dtype.itemsize, 1)
    letters = np.ascontiguousarray(texts).view(np.uint8).reshape(len(texts), width)
    bits = np.zeros(len(texts), dtype=np.uint64)
    for column in letters.T:
        place = (column % _SLOTS * _DEPTH).astype(np.uint64)
        slot = (bits >> place) & _FULL
        # The next one of the slot: 0, 1, 11, 111 become 1, 11, 111, 1111.
        grown = ((slot << _ONE) | _ONE) & _FULL
        bits |= np.where(column > 0, grown << place, np.uint64(0))
    return bits
