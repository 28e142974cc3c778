"""Keys of one round: what a site advertises, the hash over all advertisements, and the keys of each pair of sites.

Every pair key contains the hash of all advertisements. So two sites to which the server showed different
advertisements have different keys, and the first message between them fails.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from federated.secure.errors import ProtocolViolation
from federated.secure.round_terms import RoundTerms


@dataclass(frozen=True)
class Advertisement:
    """What a site tells all others: two public keys of the round, and a commitment to the seed of its own mask."""

    mask_key: bytes
    channel_key: bytes
    commitment: bytes

    def to_bytes(self) -> bytes:
        """Return the 96 bytes that travel."""
        return self.mask_key + self.channel_key + self.commitment

    @staticmethod
    def is_sound(message: bytes) -> bool:
        """Return whether a message has the right length, and keys with which others can agree on a secret."""
        if len(message) != 96:
            return False
        try:
            for key in (message[:32], message[32:64]):
                X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(key))
        except ValueError:
            return False
        return True

    @classmethod
    def from_bytes(cls, name: str, message: bytes) -> Advertisement:
        """Read a site's message. Raises ProtocolViolation if it is not 96 bytes."""
        if len(message) != 96:
            raise ProtocolViolation(f"Site '{name}' advertised {len(message)} bytes; expected 96")
        return cls(message[:32], message[32:64], message[64:])


def public_key_of(secret: bytes) -> bytes:
    """Return the public key of a private one."""
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def commit(seed: bytes) -> bytes:
    """Return the commitment to a mask's seed, which reveals nothing because the seed has 256 random bits."""
    return hashlib.sha256(b"bojagi seed" + seed).digest()


def transcript(terms: RoundTerms, advertisements: Mapping[str, bytes]) -> bytes:
    """Return the hash of the terms and of all advertisements, with the names of their sites."""
    digest = hashlib.sha256(terms.digest)
    for name in sorted(advertisements):
        for part in (name.encode(), advertisements[name]):
            digest.update(len(part).to_bytes(4) + part)
    return digest.digest()


def mask_seed(own: X25519PrivateKey, peer_key: bytes, bound_to: bytes, name: str, peer: str) -> bytes:
    """Return the key of the mask that two sites share; either private key gives it."""
    return _derive(_exchange(own, peer_key, peer), b"mask" + bound_to, name, peer, 32)


@dataclass(frozen=True)
class Channel:
    """What two sites use to write to each other through the server: encryption, and proof of what each saw.

    `keys`: 32 bytes for encryption, 32 for proofs.
    """

    name: str
    peer: str
    keys: bytes = field(repr=False)

    def seal(self, plaintext: bytes) -> bytes:
        """Encrypt for the peer. One message a round and direction, so the direction is the nonce."""
        return AESGCM(self.keys[:32]).encrypt(_nonce(self.name, self.peer), plaintext, None)

    def open(self, message: bytes) -> bytes:
        """Decrypt what the peer sealed.

        Raises:
            ProtocolViolation: the peer did not send this, or saw other keys or terms than this site.
        """
        try:
            return AESGCM(self.keys[:32]).decrypt(_nonce(self.peer, self.name), message, None)
        except (InvalidTag, ValueError) as error:
            raise ProtocolViolation(
                f"The message of site '{self.peer}' cannot be read: it was altered, or the two sites have different "
                "rosters, terms or keys of this round. Compare the rosters and settings of the sites"
            ) from error

    def confirmation(self, *, by: str, survivors: bytes) -> bytes:
        """Return the proof, for the other site of this pair, that `by` was told these survivors."""
        proof = HMAC(self.keys[32:], hashes.SHA256())
        proof.update(len(by.encode()).to_bytes(4) + by.encode() + survivors)
        return proof.finalize()


def open_channel(
    long_term: bytes, own: X25519PrivateKey, peer_key: bytes, bound_to: bytes, pair: tuple[str, str]
) -> Channel:
    """Return the channel of a pair (own name, peer's name).

    `long_term`, the secret of the two long-term keys, proves who the peer is. The keys of the round are forgotten
    after it, so a long-term key stolen later opens no recorded message.
    """
    name, peer = pair
    secret = long_term + _exchange(own, peer_key, peer)
    return Channel(name, peer, _derive(secret, b"channel" + bound_to, name, peer, 64))


def _exchange(own: X25519PrivateKey, peer_key: bytes, peer: str) -> bytes:
    try:
        return own.exchange(X25519PublicKey.from_public_bytes(peer_key))
    except ValueError as error:
        raise ProtocolViolation(f"Site '{peer}' advertised a key that is no point of the curve") from error


def _derive(secret: bytes, label: bytes, name: str, peer: str, length: int) -> bytes:
    first, second = sorted((name.encode(), peer.encode()))
    info = b"bojagi " + label + len(first).to_bytes(4) + first + second
    return HKDF(hashes.SHA256(), length, None, info).derive(secret)


def _nonce(sender: str, recipient: str) -> bytes:
    return bytes(11) + (b"\0" if sender < recipient else b"\1")
