"""The server's side of one secure sum: routes the sites' messages, and removes the masks from the sum only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from numpy.typing import NDArray

from federated.secure import shamir
from federated.secure.errors import ProtocolViolation, TooFewSites
from federated.secure.identity import Roster
from federated.secure.key_agreement import Advertisement, commit, mask_seed, public_key_of, transcript
from federated.secure.masks import MaskStream
from federated.secure.round_terms import RoundTerms, require_safe

Messages = dict[str, dict[str, bytes]]
_Answer = TypeVar("_Answer")


class SecureServer:
    """One round. Call the five methods in order, each with the answers of the sites that are still there.

    A site that does not answer a step, or whose answer has the wrong form, has dropped out. The sum is of the sites
    whose masked values arrived. `left_out`: sites whose answers were not used, with the reason.

    Raises (every method):
        TooFewSites: fewer sites than the threshold answered. The round has no result.
        ProtocolViolation: a site answered without being asked, or shares do not restore what a site advertised.
    """

    def __init__(self, roster: Roster, terms: RoundTerms) -> None:
        self._roster = roster
        self._terms = terms
        self._advertisements: dict[str, bytes] = {}
        self._sharing: tuple[str, ...] = ()
        self._total = np.zeros(terms.length, dtype=np.uint64)
        self.survivors: tuple[str, ...] = ()
        self.left_out: dict[str, str] = {}

    def receive_advertisements(self, answers: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return what every site gets for the step `share`: all advertisements."""
        sound = self._sound(
            "advertise", answers, set(self._roster.keys), lambda _, message: Advertisement.is_sound(message)
        )
        require_safe(len(sound), self._terms.threshold)
        self._advertisements = {name: sound[name] for name in sorted(sound)}
        return dict(self._advertisements)

    def receive_shares(self, answers: Mapping[str, Mapping[str, bytes]]) -> Messages:
        """Return, for each site that shared, the shares that the others sealed for it."""
        everyone = set(self._advertisements)
        sound = self._sound("share", answers, everyone, lambda name, sent: set(sent) == everyone - {name})
        self._sharing = tuple(sorted(sound))
        return _routed(sound, self._sharing)

    def receive_masked(self, answers: Mapping[str, NDArray[np.uint64]]) -> tuple[str, ...]:
        """Add the masked values, and return the survivors, which every survivor gets for the step `confirm`."""
        shape = (self._terms.length,)
        sound = self._sound(
            "mask", answers, set(self._sharing), lambda _, values: values.dtype == np.uint64 and values.shape == shape
        )
        for values in sound.values():
            self._total += values
        self.survivors = tuple(sorted(sound))
        return self.survivors

    def receive_confirmations(self, answers: Mapping[str, Mapping[str, bytes]]) -> Messages:
        """Return, for each site that confirmed, the proofs of the others for it."""
        alive = set(self.survivors)
        sound = self._sound("confirm", answers, alive, lambda _, sent: set(sent) <= alive)
        return _routed(sound, tuple(sorted(sound)))

    def sum(self, answers: Mapping[str, Mapping[str, bytes]]) -> NDArray[np.uint64]:
        """Return the sum of the survivors' values modulo 2⁶⁴, given the shares that sites revealed."""
        everyone = set(self._sharing)
        sound = self._sound("reveal", answers, set(self.survivors), lambda _, sent: set(sent) == everyone)
        stream = MaskStream(self._total)
        for name in self.survivors:
            stream.subtract(self._restore(name, sound, commit, self._advertised(name).commitment))
        for name in sorted(everyone - set(self.survivors)):
            key = self._restore(name, sound, public_key_of, self._advertised(name).mask_key)
            self._remove_pairs(stream, name, X25519PrivateKey.from_private_bytes(key))
        return stream.values

    def _remove_pairs(self, stream: MaskStream, dropped: str, key: X25519PrivateKey) -> None:
        """Add the masks that the dropped site would have added to cancel those of its peers."""
        bound_to = transcript(self._terms, self._advertisements)
        for peer in self.survivors:
            seed = mask_seed(key, self._advertised(peer).mask_key, bound_to, dropped, peer)
            stream.apply_pair(seed, name=dropped, peer=peer)

    def _restore(
        self, name: str, answers: Mapping[str, Mapping[str, bytes]], of: Callable[[bytes], bytes], advertised: bytes
    ) -> bytes:
        """Return the secret of a site for which `of` gives what the site advertised.

        An altered share is avoided, if there are more shares than needed.
        """
        shares = [(self._roster.position(holder), revealed[name]) for holder, revealed in sorted(answers.items())]
        for _ in shares:
            secret = shamir.combine(dict(shares[: self._terms.threshold]), self._terms.threshold)
            if secret is not None and of(secret) == advertised:
                return secret
            shares = [*shares[1:], shares[0]]
        raise ProtocolViolation(f"The shares do not restore the masks of site '{name}'; too many sites altered a share")

    def _advertised(self, name: str) -> Advertisement:
        return Advertisement.from_bytes(name, self._advertisements[name])

    def _sound(
        self, step: str, answers: Mapping[str, _Answer], expected: set[str], is_sound: Callable[[str, _Answer], bool]
    ) -> dict[str, _Answer]:
        """Return the answers of the right form, after a check that enough are left."""
        unknown = sorted(set(answers) - expected)
        if unknown:
            raise ProtocolViolation(f"Site '{unknown[0]}' answered the step '{step}' without being asked")
        sound = {name: answer for name, answer in answers.items() if is_sound(name, answer)}
        for name in answers.keys() - sound.keys():
            self.left_out[name] = f"its answer to the step '{step}' has the wrong form"
        if len(sound) < self._terms.threshold:
            raise TooFewSites(step, len(sound), self._terms.threshold)
        return sound


def _routed(answers: Mapping[str, Mapping[str, bytes]], recipients: tuple[str, ...]) -> Messages:
    return {
        recipient: {sender: sent[recipient] for sender, sent in answers.items() if recipient in sent}
        for recipient in recipients
    }
