"""The Merkle tree of RFC 6962: tree heads, inclusion proofs and consistency proofs, over leaves of any bytes.

MTH(D[n]) = SHA-256(1, MTH(D[0:k]), MTH(D[k:n])), where k is the largest power of two below n; MTH of one leaf d is
SHA-256(0, d), and of none SHA-256(). A proof has at most ceil(log2 n) + 1 hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\0" + leaf).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def _half(size: int) -> int:
    """Return the largest power of two below a size of 2 or more."""
    return 1 << (size - 1).bit_length() - 1


def head(leaves: Sequence[bytes]) -> bytes:
    """Return the head of the tree over leaf hashes (RFC 6962, 2.1).

    >>> head([]).hex()[:16]
    'e3b0c44298fc1c14'
    """
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = _half(len(leaves))
    return _node(head(leaves[:half]), head(leaves[half:]))


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the proof that leaf hash `index` is in the tree (RFC 6962, 2.1.1).

    Raises:
        IndexError: there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of {len(leaves)}")
    if len(leaves) == 1:
        return []
    half = _half(len(leaves))
    if index < half:
        return [*inclusion_proof(leaves[:half], index), head(leaves[half:])]
    return [*inclusion_proof(leaves[half:], index - half), head(leaves[:half])]


def consistency_proof(leaves: Sequence[bytes], first: int) -> list[bytes]:
    """Return the proof that the tree of the first `first` leaves is the beginning of this one (RFC 6962, 2.1.2).

    Raises:
        IndexError: `first` is not from 1 to the number of leaves.
    """
    if not 1 <= first <= len(leaves):
        raise IndexError(f"a tree of {first} leaves within {len(leaves)}")
    return _subproof(leaves, first, True)


def _subproof(leaves: Sequence[bytes], first: int, is_whole: bool) -> list[bytes]:
    if first == len(leaves):
        return [] if is_whole else [head(leaves)]
    half = _half(len(leaves))
    if first <= half:
        return [*_subproof(leaves[:half], first, is_whole), head(leaves[half:])]
    return [*_subproof(leaves[half:], first - half, False), head(leaves[:half])]


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Return whether a proof shows that a leaf hash is the leaf `index` of a tree with this size and head.

    RFC 9162, 2.1.3.2. Every bit of the proof, and its length, must be right.
    """
    if not 0 <= index < size:
        return False
    position, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            found = _node(sibling, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = _node(found, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(first: int, second: int, proof: Sequence[bytes], old: bytes, new: bytes) -> bool:
    """Return whether a proof shows that the tree of head `old` is the beginning of that of head `new`.

    RFC 9162, 2.1.4.2. `first` and `second` are their sizes.
    """
    if not 1 <= first <= second:
        return False
    if first == second:
        return not proof and old == new
    path = [old, *proof] if first & (first - 1) == 0 else list(proof)
    if not path:
        return False
    position, last = first - 1, second - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    left = right = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            left, right = _node(sibling, left), _node(sibling, right)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            right = _node(right, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and left == old and right == new
