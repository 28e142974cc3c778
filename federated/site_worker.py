"""A site's part of a round: checks a request, reads the rows, debits the ledger and answers with a declared vector."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from federated.errors import BadSetting, FederatedError, PayloadRefused, RoundRefused, SchemaMismatch, SiteRefused
from federated.plan import Plan, SitePolicy
from federated.round_memory import PREFIX
from federated.schema import Site, SiteTable
from federated.secure import exchange
from federated.secure.identity import Roster, SiteIdentity
from federated.secure.noise import add_noise
from federated.secure.site import SecureSite
from federated.task import PrivateTask, State, round_of
from federated.wire import Parcel, Step, refusal
from federated.worth.holdout import split_by_customer
from federated.worth.site_worth import SiteWorth, Trained, evaluate_site

Memory = MutableMapping[str, Any]
"""What a site keeps between messages: plain values and bytes. Flower keeps it in the node, never at the server."""


@runtime_checkable
class ChoosySite(Protocol):
    """A site that also compares the plan of a run with what it agreed on. Its rows are read only afterwards."""

    def check_plan(self, plan: Plan) -> None:
        """Raises `SiteRefused` unless the plan is the agreed one."""
        ...


@dataclass(frozen=True)
class SecureKeys:
    """What a site needs for masked sums: its own long-term key, and the public keys of all sites."""

    identity: SiteIdentity
    roster: Roster


@dataclass(frozen=True)
class SiteWorker:
    """Answers the messages of a run for one site.

    Attributes:
        site: access to the site's rows and ledger.
        keys: the site's long-term key and its roster, from its operator; a masked run needs them.
        policy: what the site demands of a run.
    """

    site: Site
    policy: SitePolicy
    keys: SecureKeys | None = None

    def answer(self, step: Step, request: Parcel, memory: Memory) -> Parcel:
        """Answers one request; a request that breaks a rule gets a refusal with the reason, and nothing else leaves."""
        header = {key: request.header[key] for key in ("run", "session", "round") if key in request.header}
        header["site"] = self.site.name
        try:
            plan = _plan(request.value("plan", str))
            self.policy.check(plan)
            if plan.run != request.value("run", str):
                raise RoundRefused(f"The plan is of run {plan.run!r}, the message of run {request.header['run']!r}.")
            self._check_round(step, request, memory)
            answer = self._answer(plan, step, request, memory)
        except FederatedError as error:
            return refusal(error, header)
        return Parcel({**header, **answer.header}, answer.arrays, answer.blobs)

    def _check_round(self, step: Step, request: Parcel, memory: Memory) -> None:
        """Refuses a round that this site has answered, and remembers this one.

        A server that was killed resumes with a higher session number, in which a round may be asked again.
        """
        if step is Step.REPORT:
            return
        key = PREFIX + request.value("run", str)
        now = [request.value("session", int), request.value("round", int), list(Step).index(step)]
        last = list(memory.get(key, [0, -1, -1]))
        if now <= last:
            raise RoundRefused(
                f"Round {now[1]} of run {request.header['run']!r} was answered before; the last was round {last[1]}. "
                "A server that resumes opens a new session."
            )
        memory[key] = now

    def _read(self, plan: Plan) -> SiteTable:
        if isinstance(self.site, ChoosySite):
            self.site.check_plan(plan)
        data = self.site.read(plan.schema)
        if data.schema != plan.schema:
            raise SchemaMismatch(f"Site {self.site.name!r} returned a table of another schema than the run's.")
        # An adapter may have built the table without `SiteTable.of`.
        return data if data.is_checked else SiteTable.of(plan.schema, data.features, data.target, data.customer)

    def _answer(self, plan: Plan, step: Step, request: Parcel, memory: Memory) -> Parcel:
        if step is Step.CONTRIBUTE:
            if plan.is_secure:
                raise SiteRefused("The run's plan is masked, so this site gives no plain vector.")
            return Parcel({}, {"vector": self._vector(plan, request)})
        if step is Step.REPORT:
            return Parcel({}, {}, {"figures": self._figures(plan, request).to_json().encode()})
        return self._masked(plan, exchange.Step(step.value), request, memory)

    def _figures(self, plan: Plan, request: Parcel) -> SiteWorth:
        """Returns the figures of the request's model on the site's held-out customers. They have no noise."""
        if self.policy.private_only:
            raise SiteRefused("This site gives sums with noise only (`private-only`); figures of a model have none.")
        if not plan.held_share:
            raise BadSetting("The run held out no customers. Train with `held_share` above 0, then ask for figures.")
        fit, held = split_by_customer(self._read(plan), plan.held_share)
        trained = Trained(plan.task, checked_state(plan, request), rounds_max=plan.rounds_max)
        return evaluate_site(self.site.name, trained, fit, held)

    def _masked(self, plan: Plan, step: exchange.Step, request: Parcel, memory: Memory) -> Parcel:
        """Answers a step of a masked round. The secrets of the round stay in the memory until its last step."""
        if self.keys is None:
            raise BadSetting("A masked run needs the site's `secure-key` and `secure-roster`.")
        if self.keys.identity.name != self.site.name:
            raise BadSetting(f"The secure key is of {self.keys.identity.name!r}, the data of site {self.site.name!r}.")
        key = f"secure:{plan.run}"
        terms = plan.terms(request.value("session", int), request.value("round", int), request.value("length", int))
        kept = memory.get(key) if step is not exchange.Step.ADVERTISE else None
        secure = SecureSite(self.keys.identity, self.keys.roster, terms, kept)
        blobs = exchange.answer(secure, step, request.blobs, lambda: self._vector(plan, request))
        memory[key] = secure.remember() if step is not exchange.Step.REVEAL else b""
        return Parcel({}, {}, blobs)

    def _vector(self, plan: Plan, request: Parcel) -> NDArray[np.uint64]:
        """Returns the site's vector: exact sums, or clipped sums with noise after the debit."""
        state = checked_state(plan, request)
        codec, data = plan.codec(state), split_by_customer(self._read(plan), plan.held_share)[0]
        if codec.size != request.value("length", int):
            raise PayloadRefused(
                f"The server expects {request.header['length']} values; the task declares {codec.size}."
            )
        if plan.privacy is None:
            return codec.encode(plan.task.contribute(state, data))
        if not isinstance(plan.task, PrivateTask):
            raise BadSetting(f"Task {plan.task.name!r} cannot clip contributions per customer.")
        vector = codec.encode(plan.task.contribute_each(state, data, plan.privacy.clip))
        noise = plan.noise(codec)
        # With the session in its name, a round that is repeated after a failure is another debit.
        self.site.debit(f"{plan.run}/{request.header['session']}", round_of(state), noise.rho(codec.size))
        return add_noise(vector, noise.draw(codec.size))


@lru_cache(maxsize=16)
def _plan(text: str) -> Plan:
    """Reads the plan of a message; the messages of a run carry the same text."""
    return Plan.from_json(text)


def checked_state(plan: Plan, request: Parcel) -> State:
    """Returns the state of a request after comparing names, shapes and types with those that the task starts with.

    Raises:
        PayloadRefused: an array is missing, unknown, of another shape or type, or not finite where the start is.
        RoundRefused: the state is of another round than the message.
    """
    start, state = plan.task.start(plan.schema), request.arrays
    if set(state) != set(start):
        raise PayloadRefused(f"The state has the arrays {sorted(state)}; task {plan.task.name!r} has {sorted(start)}.")
    for name, expected in start.items():
        if state[name].dtype != expected.dtype or state[name].shape != expected.shape:
            raise PayloadRefused(
                f"Array {name!r} of the state has type {state[name].dtype} and shape {state[name].shape}; expected "
                f"are {expected.dtype} and {expected.shape}."
            )
        if state[name].dtype == np.float64 and np.isnan(state[name]).any():
            raise PayloadRefused(f"Array {name!r} of the state holds a value that is not a number.")
    if round_of(state) != request.value("round", int):
        raise RoundRefused(f"The state is of round {round_of(state)}, the message of round {request.header['round']}.")
    return state
