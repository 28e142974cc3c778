"""The server's side of one secure sum: routes the sites' messages, and removes the masks from the sum only."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from numpy.typing import NDArray

from federated.secure import shamir
from federated.secure.errors import ProtocolViolation, TooFewSites
from federated.secure.identity import Roster
from federated.secure.key_agreement import Advertisement, commit, mask_seed, transcript
from federated.secure.masks import MaskStream
from federated.secure.round_terms import RoundTerms, require_safe

Messages = dict[str, dict[str, bytes]]


class SecureServer:
    """One round. Call the five methods in order, each with the answers of the sites that are still there.

    A site that does not answer a step has dropped out; the sum is of the sites whose masked values arrived.

    Raises (every method):
        TooFewSites: fewer sites than the threshold answered. The round has no result.
        ProtocolViolation: a message has the wrong form, or shares do not restore what a site advertised.
    """

    def __init__(self, roster: Roster, terms: RoundTerms) -> None:
        self._roster = roster
        self._terms = terms
        self._advertisements: dict[str, bytes] = {}
        self._sharing: tuple[str, ...] = ()
        self._total = np.zeros(terms.length, dtype=np.uint64)
        self.survivors: tuple[str, ...] = ()

    def receive_advertisements(self, answers: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return what every site gets for the step `share`: all advertisements."""
        self._require("advertise", answers, set(self._roster.keys))
        for name, message in answers.items():
            Advertisement.from_bytes(name, message)
        require_safe(len(answers), self._terms.threshold)
        self._advertisements = {name: answers[name] for name in sorted(answers)}
        return dict(self._advertisements)

    def receive_shares(self, answers: Mapping[str, Mapping[str, bytes]]) -> Messages:
        """Return, for each site that shared, the shares that the others sealed for it."""
        self._require("share", answers, set(self._advertisements))
        for name, shares in answers.items():
            if set(shares) != set(self._advertisements) - {name}:
                raise ProtocolViolation(f"Site '{name}' did not send exactly one share for each other site")
        self._sharing = tuple(sorted(answers))
        return _routed(answers, self._sharing)

    def receive_masked(self, answers: Mapping[str, NDArray[np.uint64]]) -> tuple[str, ...]:
        """Add the masked values, and return the survivors, which every survivor gets for the step `confirm`."""
        self._require("mask", answers, set(self._sharing))
        for name, values in answers.items():
            if values.dtype != np.uint64 or values.shape != (self._terms.length,):
                raise ProtocolViolation(
                    f"Site '{name}' sent {values.dtype} {values.shape}; expected uint64 ({self._terms.length},)"
                )
            self._total += values
        self.survivors = tuple(sorted(answers))
        return self.survivors

    def receive_confirmations(self, answers: Mapping[str, Mapping[str, bytes]]) -> Messages:
        """Return, for each site that confirmed, the proofs of the others for it."""
        self._require("confirm", answers, set(self.survivors))
        return _routed(answers, tuple(sorted(answers)))

    def sum(self, answers: Mapping[str, Mapping[str, bytes]]) -> NDArray[np.uint64]:
        """Return the sum of the survivors' values modulo 2⁶⁴, given the shares that sites revealed."""
        self._require("reveal", answers, set(self.survivors))
        if any(set(shares) != set(self._sharing) for shares in answers.values()):
            raise ProtocolViolation("A site did not reveal exactly one share for each site of the round")
        stream = MaskStream(self._total)
        for name in self.survivors:
            seed = self._restore(name, answers)
            if commit(seed) != self._advertised(name).commitment:
                raise ProtocolViolation(f"The shares do not restore the mask of site '{name}'; a share was altered")
            stream.subtract(seed)
        for name in sorted(set(self._sharing) - set(self.survivors)):
            self._remove_pairs(stream, name, X25519PrivateKey.from_private_bytes(self._restore(name, answers)))
        return stream.values

    def _remove_pairs(self, stream: MaskStream, dropped: str, key: X25519PrivateKey) -> None:
        """Add the masks that the dropped site would have added to cancel those of its peers."""
        if key.public_key().public_bytes_raw() != self._advertised(dropped).mask_key:
            raise ProtocolViolation(f"The shares do not restore the key of site '{dropped}'; a share was altered")
        bound_to = transcript(self._terms, self._advertisements)
        for peer in self.survivors:
            seed = mask_seed(key, self._advertised(peer).mask_key, bound_to, dropped, peer)
            stream.apply_pair(seed, name=dropped, peer=peer)

    def _restore(self, name: str, answers: Mapping[str, Mapping[str, bytes]]) -> bytes:
        shares = {self._roster.position(holder): revealed[name] for holder, revealed in answers.items()}
        return shamir.combine(shares, self._terms.threshold)

    def _advertised(self, name: str) -> Advertisement:
        return Advertisement.from_bytes(name, self._advertisements[name])

    def _require(self, step: str, answers: Mapping[str, object], expected: set[str]) -> None:
        unknown = sorted(set(answers) - expected)
        if unknown:
            raise ProtocolViolation(f"Site '{unknown[0]}' answered the step '{step}' without being asked")
        if len(answers) < self._terms.threshold:
            raise TooFewSites(step, len(answers), self._terms.threshold)


def _routed(answers: Mapping[str, Mapping[str, bytes]], recipients: tuple[str, ...]) -> Messages:
    return {
        recipient: {sender: sent[recipient] for sender, sent in answers.items() if recipient in sent}
        for recipient in recipients
    }
