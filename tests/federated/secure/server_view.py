"""The attack on a secure sum: what a server learns from all messages and from the memories of colluding sites."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from federated.secure import shamir
from federated.secure.exchange import Step
from federated.secure.key_agreement import Advertisement, commit, mask_seed, transcript
from federated.secure.masks import MaskStream
from tests.federated.secure.secure_round import SecureRound, Vector

Shares = dict[str, dict[int, bytes]]


@dataclass
class ServerView:
    """Restores every secret that has enough shares, and removes every mask whose key is then known.

    `stripped`: the masked vectors of honest sites without those masks. `sums`: what is known of the honest values: the
    sum of each group of sites that are still linked by masks of unknown keys.
    """

    round_: SecureRound
    colluders: set[str]
    has_own_masks: bool = True
    stripped: dict[str, Vector] = field(default_factory=dict)
    sums: dict[frozenset[str], Vector] = field(default_factory=dict)

    def __post_init__(self) -> None:
        asked, sent = self.round_.asked, self.round_.sent
        self.advertised = {
            name: Advertisement.from_bytes(name, message[name]) for name, message in sent[Step.ADVERTISE].items()
        }
        memories = {name: json.loads(self.round_.memories[name]) for name in self.colluders}
        of_key, of_seed = self._shares(memories)
        keys = {name: self._key(of_key[name]) for name in self.advertised}
        keys |= {name: base64.b64decode(memory["mask_key"]) for name, memory in memories.items()}
        links: dict[str, set[str]] = {}
        for name in set(sent[Step.MASK]) - self.colluders:
            stream = MaskStream(np.frombuffer(sent[Step.MASK][name][name], dtype=np.uint64))
            peers = set(asked[Step.MASK][name])
            links[name] = {peer for peer in peers if keys[name] is None and keys[peer] is None}
            for peer in peers - links[name]:
                stream.apply_pair(self._pair(keys, name, peer), name=peer, peer=name)
            seed = self._seed(name, of_seed[name])
            if seed is not None:
                stream.subtract(seed)
            if seed is not None or not self.has_own_masks:
                self.stripped[name] = stream.values
        for group in _linked(links):
            if group <= set(self.stripped):
                self.sums[group] = np.sum([self.stripped[name] for name in group], axis=0, dtype=np.uint64)

    def _shares(self, memories: Mapping[str, dict[str, dict[str, str]]]) -> tuple[Shares, Shares]:
        """The shares of pairwise keys and of own masks: held by colluders, and revealed by all."""
        of_key: Shares = {name: {} for name in self.advertised}
        of_seed: Shares = {name: {} for name in self.advertised}
        place = self.round_.roster.position
        for holder, revealed in self.round_.sent[Step.REVEAL].items():
            for name, share in revealed.items():
                is_alive = name in self.round_.asked[Step.CONFIRM][holder]
                (of_seed if is_alive else of_key)[name][place(holder)] = share
        for holder, memory in memories.items():
            for name, both in memory["shares"].items():
                share = base64.b64decode(both)
                of_key[name][place(holder)] = share[: shamir.SHARE_BYTES]
                of_seed[name][place(holder)] = share[shamir.SHARE_BYTES :]
        return of_key, of_seed

    def _key(self, shares: Mapping[int, bytes]) -> bytes | None:
        return self._combined(shares)

    def _seed(self, name: str, shares: Mapping[int, bytes]) -> bytes | None:
        seed = self._combined(shares)
        return seed if seed is not None and commit(seed) == self.advertised[name].commitment else None

    def _combined(self, shares: Mapping[int, bytes]) -> bytes | None:
        return shamir.combine(shares, self.round_.threshold)

    def _pair(self, keys: Mapping[str, bytes | None], name: str, peer: str) -> bytes:
        key, other = (keys[peer], name) if keys[peer] is not None else (keys[name], peer)
        assert key is not None
        # Each site uses the keys that the server showed to it.
        shown = self.round_.asked[Step.SHARE][name]
        public = Advertisement.from_bytes(other, shown[other]).mask_key
        bound_to = transcript(self.round_.terms, shown)
        return mask_seed(X25519PrivateKey.from_private_bytes(key), public, bound_to, name, peer)


def _linked(links: Mapping[str, set[str]]) -> set[frozenset[str]]:
    groups = set()
    for name in links:
        group, new = {name}, {name}
        while new:
            new = {peer for peer in links if any(peer in links[at] or at in links[peer] for at in new)} - group
            group |= new
        groups.add(frozenset(group))
    return groups
