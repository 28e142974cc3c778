"""Shamir's secret sharing: any `threshold` shares give the secret, fewer give nothing about it.

A secret s of 32 bytes is f(0) of a random polynomial f of degree threshold − 1 over the integers modulo the prime
2²⁵⁶ + 297; the share of site x is f(x) (Shamir 1979).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from functools import lru_cache

PRIME = 2**256 + 297
SHARE_BYTES = 33


def split(secret: bytes, positions: Sequence[int], threshold: int) -> dict[int, bytes]:
    """Return one share of a 32-byte secret for each position; positions are distinct and from 1.

    >>> shares = split(bytes(31) + b"!", range(1, 6), 3)
    >>> combine({place: shares[place] for place in (5, 1, 3)}, 3)[-1:]
    b'!'
    """
    if len(secret) != 32:
        raise ValueError(f"A secret has 32 bytes; got {len(secret)}")
    coefficients = [secrets.randbelow(PRIME) for _ in range(threshold - 1)]
    constant = int.from_bytes(secret)
    return {position: _value(coefficients, constant, position).to_bytes(SHARE_BYTES) for position in positions}


def combine(shares: Mapping[int, bytes], threshold: int) -> bytes | None:
    """Return the secret, from the shares by position; None if there are too few, or no secret results.

    Uses the first `threshold` positions. An altered share gives another secret, or none.
    """
    positions = tuple(sorted(shares)[:threshold])
    if len(positions) < threshold:
        return None
    weights = _weights(positions)
    secret = sum(w * int.from_bytes(shares[p]) for w, p in zip(weights, positions, strict=True)) % PRIME
    return secret.to_bytes(32) if secret < 2**256 else None


def _value(coefficients: Sequence[int], constant: int, position: int) -> int:
    value = 0
    for coefficient in coefficients:
        value = (value + coefficient) * position % PRIME
    return (value + constant) % PRIME


@lru_cache(maxsize=64)
def _weights(positions: tuple[int, ...]) -> tuple[int, ...]:
    """Lagrange's weights of the value at 0. The same survivors restore every secret, so the weights are kept."""
    return tuple(_weight(positions, at) for at in positions)


def _weight(positions: tuple[int, ...], at: int) -> int:
    above, below = 1, 1
    for other in positions:
        if other != at:
            above = above * other % PRIME
            below = below * (other - at) % PRIME
    return above * pow(below, -1, PRIME) % PRIME
