"""Collects the sum of a round from the nodes: plain with every vector checked, or masked so that only sums are seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from federated.errors import FederatedError, PayloadRefused, RoundRefused, TooFewSites
from federated.fixed_point import FixedPoint
from federated.plan import Plan
from federated.secure import errors as secure_errors
from federated.secure import exchange
from federated.secure.identity import Roster
from federated.secure.server import SecureServer
from federated.task import State, round_of
from federated.wire import Header, Parcel, Step

Vector = NDArray[np.uint64]


@dataclass(frozen=True)
class Answer:
    """What came from a node: a parcel, or the reason why there is none."""

    parcel: Parcel | None
    failure: str = ""


class Channel(Protocol):
    """Carries messages between the server and the nodes."""

    def nodes(self) -> list[int]:
        """Returns the connected nodes."""
        ...

    def ask(self, step: Step, requests: Mapping[int, Parcel], timeout_seconds: float) -> Mapping[int, Answer]:
        """Sends one message a node and returns the answers that arrive in time."""
        ...


@dataclass(frozen=True)
class Collected:
    """The sum of a round, the sites in it, and the reason for each site or node that is not."""

    total: Vector
    sites: list[str]
    left_out: dict[str, str]


@dataclass
class Collection:
    """One round's exchange with the nodes.

    Attributes:
        plan: the plan of the run.
        channel: the way to the nodes.
        session: number of this start of the server.
        state: the state that the sites contribute to.
        nodes: the nodes to ask.
    """

    plan: Plan
    channel: Channel
    session: int
    state: State
    nodes: list[int]
    left_out: dict[str, str] = field(default_factory=dict)
    _node_of: dict[str, int] = field(default_factory=dict)

    @cached_property
    def codec(self) -> FixedPoint:
        """The encoding of the round."""
        return self.plan.codec(self.state)

    @cached_property
    def header(self) -> Header:
        """The header of every message of the round."""
        return {
            "plan": self.plan.to_json(),
            "run": self.plan.run,
            "session": self.session,
            "round": round_of(self.state),
            "length": self.codec.size,
        }

    def plain(self) -> Collected:
        """Returns the sum of the acceptable vectors; a vector with a value beyond the declared bounds is left out."""
        answers = self._ask(Step.CONTRIBUTE, dict.fromkeys(self.nodes, Parcel(self.header, self.state)))
        vectors = {}
        for site, parcel in answers.items():
            try:
                vector = declared_vector(parcel, self.codec.size)
                self.codec.check(vector)
                vectors[site] = vector
            except FederatedError as error:
                self.left_out[site] = str(error)
        self._require(len(vectors))
        total = np.zeros(self.codec.size, dtype=np.uint64)
        for vector in vectors.values():
            total += vector
        return Collected(total, sorted(vectors), self.left_out)

    def secure(self, roster: Roster) -> Collected:
        """Returns the sum of masked vectors of the sites that stayed; single vectors stay unknown."""
        server = SecureServer(roster, self.plan.terms(self.session, round_of(self.state), self.codec.size))
        try:
            total = exchange.secure_sum(server, roster.keys, self._carry)
        except secure_errors.TooFewSites as error:
            self._require(error.got)
            raise
        self.left_out |= server.left_out
        kept = set(server.survivors)
        self.left_out = {site: reason for site, reason in self.left_out.items() if site not in kept}
        return Collected(total, sorted(kept), self.left_out)

    def _carry(self, step: exchange.Step, messages: Mapping[str, exchange.Message]) -> Mapping[str, exchange.Message]:
        request = Parcel(self.header, self.state if step is exchange.Step.MASK else {})
        if step is exchange.Step.ADVERTISE:
            requests = dict.fromkeys(self.nodes, request)
        else:
            requests = {self._node_of[site]: replace(request, blobs=blobs) for site, blobs in messages.items()}
        answers = self._ask(Step(step.value), requests)
        accepted = {}
        for site, parcel in answers.items():
            if site not in messages:
                self.left_out[site] = "not in the server's roster; add its public key to the roster of every site"
            elif step is exchange.Step.MASK and len(parcel.blobs.get(site, b"")) != 8 * self.codec.size:
                self.left_out[site] = f"sent no vector of {self.codec.size} numbers"
            else:
                accepted[site] = parcel.blobs
        return accepted

    def _ask(self, step: Step, requests: Mapping[int, Parcel]) -> dict[str, Parcel]:
        """Asks nodes and returns the answers that belong to the round, by site; notes the reason for every other."""
        answers = self.channel.ask(step, requests, self.plan.timeout_seconds)
        names = {node: site for site, node in self._node_of.items()}
        found: dict[str, Parcel] = {}
        for node in requests:
            answer = answers.get(node, Answer(None, "no answer in time"))
            site = names.get(node) or (str(answer.parcel.header.get("site", node)) if answer.parcel else f"node {node}")
            try:
                parcel = accept(answer, self.header)
                if self._node_of.setdefault(site, node) != node or parcel.header.get("site") != site:
                    raise PayloadRefused(
                        f"Node {node} answers as site {parcel.header.get('site')!r}, which is another's."
                    )
                found[site] = parcel
            except FederatedError as error:
                self.left_out[site if self._node_of.get(site, node) == node else f"node {node}"] = str(error)
        return found

    def _require(self, found: int) -> None:
        if found < self.plan.sites_min:
            reasons = "; ".join(f"{who}: {why}" for who, why in sorted(self.left_out.items())) or "no answer"
            raise TooFewSites(
                f"Round {round_of(self.state)} of run {self.plan.run!r} has {found} of {self.plan.sites_min} sites; "
                f"the model stays as it was. Left out: {reasons.rstrip('.')}. Start the sites and resume the run."
            )


def accept(answer: Answer, header: Header) -> Parcel:
    """Returns the parcel of an answer to a request with the header.

    Raises:
        FederatedError: there is none, the site refused, or it answers another run, session or round.
    """
    if answer.parcel is None:
        raise FederatedError(answer.failure)
    found = answer.parcel.header
    if "refused" in found:
        raise FederatedError(f"refused ({found['refused']}): {found.get('reason', '')}")
    for key in ("run", "session", "round"):
        if found.get(key) != header[key]:
            raise RoundRefused(f"The answer is for {key} {found.get(key)!r}; asked was {header[key]!r}.")
    return answer.parcel


def declared_vector(parcel: Parcel, size: int) -> Vector:
    """Returns the vector of an answer; raises `PayloadRefused` unless it alone came, as declared."""
    shapes = {name: (str(array.dtype), array.shape) for name, array in parcel.arrays.items()}
    if shapes != {"vector": ("uint64", (size,))} or parcel.blobs:
        raise PayloadRefused(f"The answer carries {shapes}; declared is one vector of {size} uint64.")
    return parcel.arrays["vector"]
