"""Long-term keys of sites: a private key that stays at its site, and the roster of all public keys.

The roster is the root of trust against a server that lies about keys: each site gets it from its operator, not from
the server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from federated.secure.errors import ProtocolViolation

_ROSTER_LIMIT = 1000  # Every pair of sites agrees on a key in each round, so the work grows with the square.


@dataclass(frozen=True)
class Roster:
    """The public key of every site that may take part, by name. All sites hold the same roster."""

    keys: Mapping[str, bytes]

    def __post_init__(self) -> None:
        if not 2 <= len(self.keys) <= _ROSTER_LIMIT:
            raise ProtocolViolation(f"The roster lists {len(self.keys)} sites; expected 2 to {_ROSTER_LIMIT}")
        if any(len(key) != 32 for key in self.keys.values()):
            raise ProtocolViolation("A key in the roster is not 32 bytes long; write the roster again")
        if len(set(self.keys.values())) < len(self.keys):
            raise ProtocolViolation("Two sites in the roster have the same key; give each site a key of its own")

    def position(self, name: str) -> int:
        """Return the place of a site in the sorted roster, from 1. Raises ProtocolViolation if it is not listed."""
        self.key(name)
        return self._positions[name]

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(sorted(self.keys), start=1)}

    def key(self, name: str) -> bytes:
        """Return the public key of a site. Raises ProtocolViolation if it is not listed."""
        if name not in self.keys:
            raise ProtocolViolation(f"Site '{name}' is not in the roster; add its key to every site's roster")
        return self.keys[name]

    def to_json(self) -> str:
        """Return the roster as text: site name to key in hexadecimal."""
        return json.dumps({name: self.keys[name].hex() for name in sorted(self.keys)}, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Roster:
        """Read `to_json`'s text. Raises ProtocolViolation if it is not a roster."""
        try:
            return cls({str(name): bytes.fromhex(key) for name, key in json.loads(text).items()})
        except (ValueError, AttributeError, TypeError) as error:
            raise ProtocolViolation("The roster is not JSON of the form {site: key in hexadecimal}") from error


@dataclass(frozen=True)
class SiteIdentity:
    """One site's long-term key. `agree` is kept per peer, because peers keep their keys."""

    name: str
    private_key: X25519PrivateKey = field(repr=False)
    _agreed: dict[bytes, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def generate(cls, name: str) -> SiteIdentity:
        """Return a new identity."""
        return cls(name, X25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, name: str, private_key: bytes) -> SiteIdentity:
        """Return the identity whose private key (32 bytes) was kept with `to_bytes`."""
        return cls(name, X25519PrivateKey.from_private_bytes(private_key))

    def to_bytes(self) -> bytes:
        """Return the private key, 32 bytes. The caller keeps it in a file that only the site can read."""
        return self.private_key.private_bytes_raw()

    @property
    def public_key(self) -> bytes:
        """The key that belongs into the roster, 32 bytes."""
        return self.private_key.public_key().public_bytes_raw()

    def agree(self, peer_key: bytes) -> bytes:
        """Return the secret that this site and the owner of `peer_key` alone can compute."""
        if peer_key not in self._agreed:
            self._agreed[peer_key] = self.private_key.exchange(X25519PublicKey.from_public_bytes(peer_key))
        return self._agreed[peer_key]
