"""Runs secure sums in tests, keeps what the server sees, and lets a test change what it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from federated.secure.exchange import Message, Step, answer, secure_sum
from federated.secure.identity import Roster, SiteIdentity
from federated.secure.round_terms import RoundTerms
from federated.secure.server import SecureServer
from federated.secure.site import SecureSite

Vector = NDArray[np.uint64]
Tamper = Callable[[Step, str, Message], Message]


@dataclass
class SecureRound:
    """One round in process. `asked` and `sent`: the server's view, every message by step and site.

    `drops`: the sites that fall silent, by the step from which on they do.
    `tamper`: changes what the server asks a site.
    """

    values: Mapping[str, Vector]
    threshold: int
    drops: Mapping[Step, set[str]] = field(default_factory=dict)
    tamper: Tamper = lambda step, name, message: message
    number: int = 0

    def __post_init__(self) -> None:
        identities = {name: SiteIdentity.generate(name) for name in self.values}
        self.roster = Roster({name: identity.public_key for name, identity in identities.items()})
        self.terms = RoundTerms("run", self.number, len(next(iter(self.values.values()))), self.threshold)
        self.sites = {name: SecureSite(identity, self.roster, self.terms) for name, identity in identities.items()}
        self.server = SecureServer(self.roster, self.terms)
        self.asked: dict[Step, dict[str, Message]] = {step: {} for step in Step}
        self.sent: dict[Step, dict[str, Message]] = {step: {} for step in Step}
        self.memories: dict[str, bytes] = {}

    def run(self) -> Vector:
        return secure_sum(self.server, self.values, self.carry)

    def carry(self, step: Step, messages: Mapping[str, Message]) -> Mapping[str, Message]:
        so_far = list(Step)[: list(Step).index(step) + 1]
        silent = {name for at in so_far for name in self.drops.get(at, ())}
        for name, message in messages.items():
            if name not in silent:
                told = self.tamper(step, name, message)
                self.asked[step][name] = told
                self.sent[step][name] = answer(self.sites[name], step, told, lambda name=name: self.values[name])
                self.memories[name] = self.sites[name].remember()
        return self.sent[step]

    def sum_of(self, names: Iterable[str]) -> Vector:
        return np.sum([self.values[name] for name in names], axis=0, dtype=np.uint64)
