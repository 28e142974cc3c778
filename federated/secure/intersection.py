"""Private set intersection: two parties learn which identifiers both have, and the size of each other's set.

Elliptic-curve Diffie–Hellman on ristretto255 (Meadows 1986; RFC 9496). With H a hash onto the curve and a, b the
parties' secret numbers: A sends a·H(x) for each x of its set, B sends b·H(y). Each multiplies what it received by its
own number and sends that back in the same order. x = y exactly where a·b·H(x) = b·a·H(y).

Model: both parties follow the protocol (semi-honest) and try to learn more from what they see. Under the decisional
Diffie–Hellman assumption they learn the intersection and the sizes only. A party that lies about its own set can test
for every identifier that it puts in; `peer_most` bounds how many. To be in the intersection is itself a disclosure, so
the caller passes only customers who consent to be matched with this partner for this purpose.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import rbcl
from numpy.typing import NDArray

from federated.secure.errors import ProtocolViolation, UnsafeTerms

POINT_BYTES = 32
_Item = TypeVar("_Item")
_CHUNK = 2048  # Points a thread works on at a time, about 0.2 seconds.


@dataclass(frozen=True)
class IntersectionTerms:
    """What both parties agree on: the name of this intersection, and the most identifiers that the peer may bring.

    Points of intersections with different names cannot be compared.
    """

    name: str
    peer_most: int

    def __post_init__(self) -> None:
        if not self.name or self.peer_most < 1:
            raise UnsafeTerms("An intersection needs a name and a largest size of the peer's set")


class IntersectionParty:
    """One party of one intersection. Call `blind`, `blind_peer` and `match` once each, in this order.

    >>> terms = IntersectionTerms("spring campaign", peer_most=1000)
    >>> ours, theirs = IntersectionParty(["ann", "bo"], terms), IntersectionParty(["bo", "cy"], terms)
    >>> to_them, to_us = ours.blind(), theirs.blind()
    >>> back_to_us, back_to_them = theirs.blind_peer(to_them), ours.blind_peer(to_us)
    >>> ours.match(back_to_us), theirs.match(back_to_them)
    (['bo'], ['bo'])
    """

    def __init__(
        self, identifiers: Iterable[str], terms: IntersectionTerms, workers: int | None = None, key: bytes | None = None
    ) -> None:
        """Take identifiers in the form that both parties use; repeated ones count once.

        `workers`: threads; all processors by default. The curve's arithmetic runs outside Python's lock. `key`: the
        `key` of the party that began, to continue in another process.
        """
        self._identifiers = np.array(sorted(set(identifiers)), dtype=object)
        self._terms = terms
        self._workers = workers or os.cpu_count() or 1
        self._key: bytes = rbcl.crypto_core_ristretto255_scalar_random() if key is None else key
        self._sent: bytes | None = None
        self._answered: bytes | None = None

    @property
    def key(self) -> bytes:
        """The secret number. It stays with the party: it opens its own messages of this intersection."""
        return self._key

    def blind(self) -> bytes:
        """Return this party's set as points, 32 bytes each, in an order that tells nothing about the identifiers."""
        if self._sent is not None:
            raise ProtocolViolation("The set was blinded already; a new intersection needs a new party with a new key")
        points = self._over(self._identifiers.tolist(), self._hidden)
        # Points look random to all without the key, so their own order is a shuffle.
        order = np.argsort(_rows(points)[:, 0], kind="stable")
        self._identifiers = self._identifiers[order]
        self._sent = _rows(points)[order].tobytes()
        return self._sent

    def blind_peer(self, points: bytes) -> bytes:
        """Return the peer's points multiplied by this party's number, in the order in which they came.

        Raises:
            ProtocolViolation: a point is invalid or repeated, or there are more than agreed.
        """
        if self._sent is None or self._answered is not None:
            raise ProtocolViolation("The peer's set is expected once, after this party's own set was blinded")
        received = _split(points, self._terms.peer_most)
        if len(set(received)) < len(received):
            raise ProtocolViolation("The peer's set repeats a point; expected each identifier once")
        self._answered = self._over(received, self._multiplied)
        return self._answered

    def match(self, returned: bytes) -> list[str]:
        """Return the identifiers that the peer has too, sorted. `returned`: what the peer's `blind_peer` made of ours.

        Raises:
            ProtocolViolation: called before `blind_peer`, or the peer returned more or fewer points than it received.
        """
        if self._sent is None or self._answered is None:
            raise ProtocolViolation("The peer's set has not arrived; call `blind_peer` first")
        return self._find(_split(self._sent, len(self._identifiers)), self._sent, self._answered, returned)

    def match_later(self, sent: bytes, answered: bytes, returned: bytes) -> list[str]:
        """Return the common identifiers from the messages that an earlier party with the same key sent and received.

        Only identifiers that this party has are found, so those that were taken out since are not.
        """
        own = _split(self.blind(), len(self._identifiers))
        return self._find(own, sent, answered, returned)

    def _find(self, own: list[bytes], sent: bytes, answered: bytes, returned: bytes) -> list[str]:
        count = len(sent) // POINT_BYTES
        back, of_peer = _split(returned, count), frozenset(_split(answered, self._terms.peer_most))
        if len(back) != count:
            raise ProtocolViolation(f"The peer returned {len(back)} points; expected {count}")
        doubled = dict(zip(_split(sent, count), back, strict=True))
        return sorted(name for name, point in zip(self._identifiers, own, strict=True) if doubled.get(point) in of_peer)

    def _hidden(self, identifier: str) -> bytes:
        return self._multiplied(rbcl.crypto_core_ristretto255_from_hash(_digest(self._terms.name, identifier)))

    def _multiplied(self, point: bytes) -> bytes:
        try:
            product: bytes = rbcl.crypto_scalarmult_ristretto255(self._key, point)
        except RuntimeError as error:
            raise ProtocolViolation("The peer's set contains bytes that are no point of the curve") from error
        return product

    def _over(self, items: Sequence[_Item], function: Callable[[_Item], bytes]) -> bytes:
        """Return the results for all items, joined in order, worked out by several threads."""

        def part(start: int) -> bytes:
            return b"".join(map(function, items[start : start + _CHUNK]))

        with ThreadPoolExecutor(self._workers) as pool:
            return b"".join(pool.map(part, range(0, len(items), _CHUNK)))


def _digest(name: str, identifier: str) -> bytes:
    prefix = name.encode()
    return hashlib.sha512(b"bojagi intersection 1" + len(prefix).to_bytes(4) + prefix + identifier.encode()).digest()


def _rows(points: bytes) -> NDArray[np.uint64]:
    return np.frombuffer(points, dtype="<u8").reshape(-1, POINT_BYTES // 8)


def _split(points: bytes, most: int) -> list[bytes]:
    count, rest = divmod(len(points), POINT_BYTES)
    if rest or count > most:
        raise ProtocolViolation(f"A set of {len(points)} bytes arrived; expected at most {most} points of 32 bytes")
    return [points[at : at + POINT_BYTES] for at in range(0, len(points), POINT_BYTES)]
