"""Runs one secure sum over any carrier of messages: the same code in process, in a simulation and over the network.

Every message is a mapping from names to bytes, which a Flower `ConfigRecord` carries as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from federated.secure.server import SecureServer
from federated.secure.site import SecureSite

Message = Mapping[str, bytes]


class Step(StrEnum):
    """The steps of a round, in order."""

    ADVERTISE = "advertise"
    SHARE = "share"
    MASK = "mask"
    CONFIRM = "confirm"
    REVEAL = "reveal"


# Takes a step and a message for each site; returns the answers of the sites that answered in time.
Carrier = Callable[[Step, Mapping[str, Message]], Mapping[str, Message]]


def answer(site: SecureSite, step: Step, message: Message, make_values: Callable[[], NDArray[np.uint64]]) -> Message:
    """Return a site's answer to one step. `make_values` is called in the step `mask` only."""
    match step:
        case Step.ADVERTISE:
            return {site.name: site.advertise()}
        case Step.SHARE:
            return site.share(message)
        case Step.MASK:
            return {site.name: site.mask(message, make_values).astype("<u8").tobytes()}
        case Step.CONFIRM:
            return site.confirm(message)
        case Step.REVEAL:
            return site.reveal(message)


def secure_sum(server: SecureServer, invited: Iterable[str], carry: Carrier) -> NDArray[np.uint64]:
    """Return the sum of the values of all sites that stayed until their masked values arrived; see `server.survivors`.

    Raises:
        TooFewSites: too many sites dropped out.
        ProtocolViolation: a message was not as the protocol demands, and the round cannot go on without its sender.
    """
    keys = {name: sent.get(name, b"") for name, sent in carry(Step.ADVERTISE, {name: {} for name in invited}).items()}
    everyone = server.receive_advertisements(keys)
    for_each = server.receive_shares(carry(Step.SHARE, dict.fromkeys(everyone, everyone)))
    masked = {name: _numbers(sent.get(name, b"")) for name, sent in carry(Step.MASK, for_each).items()}
    survivors = server.receive_masked(masked)
    told = dict.fromkeys(survivors, b"")
    proofs = server.receive_confirmations(carry(Step.CONFIRM, dict.fromkeys(survivors, told)))
    return server.sum(carry(Step.REVEAL, proofs))


def _numbers(message: bytes) -> NDArray[np.uint64]:
    """Return the numbers of a message; none if it has no whole numbers."""
    return np.frombuffer(message if len(message) % 8 == 0 else b"", dtype="<u8").astype(np.uint64)
