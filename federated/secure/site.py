"""A site's side of one secure sum (Bonawitz et al. 2017, the variant against a server that lies).

Five steps, each a message to the server and its answer:
1. `advertise`: public keys of the round.
2. `share`: two secrets, each split among all sites: the key of the pairwise masks, and the seed of the own mask.
3. `mask`: the values plus the site's own mask plus or minus one mask for each peer.
4. `confirm`: proof to every survivor that this site was told the same survivors.
5. `reveal`: shares of the own-mask seeds of survivors and of the pairwise keys of sites that dropped out. Never both of
   one site: with both the server could remove every mask of a single site.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from numpy.typing import NDArray

from federated.secure import shamir
from federated.secure.errors import ProtocolViolation, TooFewSites
from federated.secure.identity import Roster, SiteIdentity
from federated.secure.key_agreement import Advertisement, Channel, commit, mask_seed, open_channel, transcript
from federated.secure.masks import MaskStream
from federated.secure.round_terms import RoundTerms, require_safe

_MAPPINGS = ("advertisements", "channels", "shares")
_STEPS = ("advertise", "share", "mask", "confirm", "reveal")


@dataclass
class _Memory:
    """What a site keeps between the steps of a round. Secret: it stays in the site's own process or state."""

    done: int = 0
    mask_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    channel_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    seed: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    bound_to: bytes = b""
    advertisements: dict[str, bytes] = field(default_factory=dict)
    channels: dict[str, bytes] = field(default_factory=dict)
    shares: dict[str, bytes] = field(default_factory=dict)
    survivors: list[str] = field(default_factory=list)


class SecureSite:
    """One site in one round. Each step runs once and in order; a second call is refused, so a replay gains nothing.

    Raises (every step):
        ProtocolViolation: a message is forged, altered, repeated or out of order.
        TooFewSites: fewer sites than the threshold are left.
    """

    def __init__(self, identity: SiteIdentity, roster: Roster, terms: RoundTerms, memory: bytes | None = None) -> None:
        """Begin a round, or continue it from the bytes that `remember` returned."""
        if roster.key(identity.name) != identity.public_key:
            raise ProtocolViolation(f"The roster has another key for site '{identity.name}' than its key file")
        self.name = identity.name
        self._identity = identity
        self._roster = roster
        self._terms = terms
        self._memory = _Memory() if memory is None else _read(memory)

    def remember(self) -> bytes:
        """Return the secrets of the round, for a caller whose process ends between two steps. Never send them."""
        return _write(self._memory)

    def advertise(self) -> bytes:
        """Return this site's public keys of the round."""
        self._begin("advertise")
        memory = self._memory
        keys = (_private(memory.mask_key), _private(memory.channel_key))
        public = [key.public_key().public_bytes_raw() for key in keys]
        memory.advertisements = {self.name: Advertisement(public[0], public[1], commit(memory.seed)).to_bytes()}
        return memory.advertisements[self.name]

    def share(self, advertisements: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return one encrypted share of both secrets for each peer that advertised."""
        own = self._memory.advertisements
        self._begin("share", [*advertisements])
        if advertisements.get(self.name) != own.get(self.name):
            raise ProtocolViolation(f"The server shows other keys of site '{self.name}' than the site sent")
        require_safe(len(advertisements), self._terms.threshold)
        self._memory.advertisements = {name: advertisements[name] for name in sorted(advertisements)}
        self._memory.bound_to = transcript(self._terms, self._memory.advertisements)
        self._open_channels()
        places = {name: self._roster.position(name) for name in self._memory.advertisements}
        of_key, of_seed = (
            shamir.split(secret, [*places.values()], self._terms.threshold)
            for secret in (self._memory.mask_key, self._memory.seed)
        )
        packed = {name: of_key[place] + of_seed[place] for name, place in places.items()}
        self._memory.shares = {self.name: packed.pop(self.name)}
        return {name: self._channel(name).seal(share) for name, share in packed.items()}

    def mask(self, shares: Mapping[str, bytes], make_values: Callable[[], NDArray[np.uint64]]) -> NDArray[np.uint64]:
        """Return the values with all masks, given the shares that peers sealed for this site.

        Only the peers whose shares arrived take part from here on. `make_values` returns `terms.length` whole numbers
        modulo 2⁶⁴. It is called after all checks, so that a round that ends before costs no privacy.
        """
        self._begin("mask", [*shares, self.name])
        for peer, message in shares.items():
            self._memory.shares[peer] = self._channel(peer).open(message)
        values = make_values()
        if values.dtype != np.uint64 or values.shape != (self._terms.length,):
            raise ValueError(f"Values are {values.dtype} {values.shape}; expected uint64 ({self._terms.length},)")
        stream = MaskStream(values)
        stream.add(self._memory.seed)
        own, bound_to = _private(self._memory.mask_key), self._memory.bound_to
        for peer in shares:
            seed = mask_seed(own, self._advertised(peer).mask_key, bound_to, self.name, peer)
            stream.apply_pair(seed, name=self.name, peer=peer)
        return stream.values

    def confirm(self, survivors: Iterable[str]) -> dict[str, bytes]:
        """Return, for each other survivor, the proof that this site was told exactly these survivors."""
        told = sorted(survivors)
        self._begin("confirm", told)
        if self.name not in told or not set(told) <= set(self._memory.shares):
            raise ProtocolViolation("The server names survivors that sent no shares, or leaves out the site it asks")
        self._memory.survivors = told
        agreed = _bytes_of(told)
        return {
            peer: self._channel(peer).confirmation(by=self.name, survivors=agreed) for peer in told if peer != self.name
        }

    def reveal(self, confirmations: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return one share a site: of a survivor's own mask, or of the pairwise key of a site that dropped out."""
        self._begin("reveal", [*confirmations, self.name])
        agreed = _bytes_of(self._memory.survivors)
        for peer, proof in confirmations.items():
            if peer not in self._memory.survivors:
                raise ProtocolViolation(f"Site '{peer}' confirms survivors, but is none of them")
            if not secrets.compare_digest(proof, self._channel(peer).confirmation(by=peer, survivors=agreed)):
                raise ProtocolViolation(
                    f"Site '{peer}' was told other survivors than '{self.name}'; nothing is revealed"
                )
        size, alive = shamir.SHARE_BYTES, set(self._memory.survivors)
        return {name: share[size:] if name in alive else share[:size] for name, share in self._memory.shares.items()}

    def _begin(self, step: str, present: list[str] | None = None) -> None:
        """Check the order of steps, and the sites present; a step that was begun cannot begin again."""
        expected = _STEPS[self._memory.done] if self._memory.done < len(_STEPS) else "none: the round is over"
        if step != expected:
            raise ProtocolViolation(f"Site '{self.name}' was asked for the step '{step}'; expected '{expected}'")
        self._memory.done += 1
        if present is None:
            return
        if len(set(present)) < len(present):
            raise ProtocolViolation(f"A site appears twice in the step '{step}'")
        if len(present) < self._terms.threshold:
            raise TooFewSites(step, len(present), self._terms.threshold)

    def _open_channels(self) -> None:
        own, bound_to = _private(self._memory.channel_key), self._memory.bound_to
        for peer in self._memory.advertisements:
            if peer != self.name:
                long_term = self._identity.agree(self._roster.key(peer))
                channel = open_channel(long_term, own, self._advertised(peer).channel_key, bound_to, (self.name, peer))
                self._memory.channels[peer] = channel.keys

    def _channel(self, peer: str) -> Channel:
        if peer not in self._memory.channels:
            raise ProtocolViolation(f"Site '{peer}' did not advertise keys in this round")
        return Channel(self.name, peer, self._memory.channels[peer])

    def _advertised(self, peer: str) -> Advertisement:
        return Advertisement.from_bytes(peer, self._memory.advertisements[peer])


def _private(key: bytes) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(key)


def _bytes_of(survivors: list[str]) -> bytes:
    return json.dumps(survivors).encode()


def _write(memory: _Memory) -> bytes:
    def plain(value: Any) -> Any:
        return base64.b64encode(value).decode() if isinstance(value, bytes) else value

    held = dict(vars(memory))
    for name in _MAPPINGS:
        held[name] = {site: plain(item) for site, item in held[name].items()}
    return json.dumps({name: plain(value) for name, value in held.items()}).encode()


def _read(memory: bytes) -> _Memory:
    held = json.loads(memory)
    for name in ("mask_key", "channel_key", "seed", "bound_to"):
        held[name] = base64.b64decode(held[name])
    for name in _MAPPINGS:
        held[name] = {site: base64.b64decode(item) for site, item in held[name].items()}
    return _Memory(**held)
