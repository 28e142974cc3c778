"""The server's part of a run: asks the sites, checks their answers, adds them and updates the model, round by round."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from federated.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from federated.errors import BadSetting, CheckpointRefused, FederatedError, PayloadRefused, RoundRefused, TooFewSites
from federated.plan import Plan
from federated.task import State, round_of
from federated.wire import Parcel, Step


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
class RoundRecord:
    """What happened in a round.

    Attributes:
        round: number of the round, from 0.
        sites: names of the sites in the sum.
        left_out: site or node and the reason why it is not in the sum.
        seconds: duration.
        change: what the task reports about convergence, if it has `change` or `loss` in its state.
    """

    round: int
    sites: list[str]
    left_out: dict[str, str]
    seconds: float
    change: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """The result of a run."""

    state: State
    history: list[Mapping[str, Any]]
    is_done: bool


Progress = Callable[[RoundRecord], None]


@dataclass
class Training:
    """A run at the server.

    Attributes:
        plan: what is trained.
        channel: the way to the nodes.
        checkpoint: file of the checkpoint, or None to keep none. An existing one of the same plan is continued.
        session: number above that of every earlier start of this run; sites refuse older ones.
        progress: called after each round.
    """

    plan: Plan
    channel: Channel
    checkpoint: Path | None = None
    session: int = field(default_factory=time.time_ns)
    progress: Progress | None = None

    def run(self) -> Outcome:
        """Runs rounds until the task is done, and returns the model.

        Raises:
            TooFewSites: a round had fewer sites than the plan accepts. The checkpoint is of the round before.
            CheckpointRefused: the checkpoint belongs to another plan.
        """
        state, history, is_done = self._start()
        while not is_done and round_of(state) < self.plan.rounds_max:
            state, record = self._round(state)
            history.append(asdict(record))
            is_done = self.plan.task.is_done(state)
            if self.checkpoint:
                write_checkpoint(self.checkpoint, Checkpoint(self.plan, state, history, is_done))
            if self.progress:
                self.progress(record)
        return Outcome(state, history, is_done)

    def _start(self) -> tuple[State, list[Mapping[str, Any]], bool]:
        if self.checkpoint and self.checkpoint.exists():
            found = read_checkpoint(self.checkpoint)
            if found.plan.fingerprint != self.plan.fingerprint:
                raise CheckpointRefused(
                    f"The checkpoint {self.checkpoint.name} was made by another plan (run {found.plan.run!r}). Give "
                    "this run another folder, or the plan that it was started with."
                )
            return found.state, list(found.history), found.is_done
        return self.plan.task.start(self.plan.schema), [], False

    def _round(self, state: State) -> tuple[State, RoundRecord]:
        start = time.perf_counter()
        number, nodes = round_of(state), self._wait_for_nodes()
        vectors, left_out = self._plain_vectors(state, nodes)
        if len(vectors) < self.plan.sites_min:
            reasons = "; ".join(f"{who}: {why}" for who, why in sorted(left_out.items())) or "no answer"
            raise TooFewSites(
                f"Round {number} of run {self.plan.run!r} has {len(vectors)} of {self.plan.sites_min} needed sites; "
                f"the model stays as before. Left out: {reasons}. Start the sites and resume the run."
            )
        total = sum_of(vectors)
        new = self.plan.task.update(state, self.plan.codec(state).decode(total), len(vectors))
        check_state(new, number + 1)
        change = {key: float(new[key]) for key in ("change", "loss") if key in new and new[key].ndim == 0}
        change = {key: value for key, value in change.items() if np.isfinite(value)}
        return new, RoundRecord(number, sorted(vectors), left_out, time.perf_counter() - start, change)

    def _wait_for_nodes(self) -> list[int]:
        """Returns the connected nodes as soon as enough are there; raises `TooFewSites` after the plan's time-out."""
        end = time.monotonic() + self.plan.timeout_seconds
        while len(nodes := sorted(self.channel.nodes())) < self.plan.sites_min:
            if time.monotonic() > end:
                raise TooFewSites(
                    f"{len(nodes)} sites are connected after {self.plan.timeout_seconds:g} s; run {self.plan.run!r} "
                    f"needs {self.plan.sites_min}. Start the sites and resume the run."
                )
            time.sleep(0.1)
        if len(nodes) > self.plan.sites_max:
            raise BadSetting(f"{len(nodes)} sites are connected; the plan's `sites_max` is {self.plan.sites_max}.")
        return nodes

    def request(self, state: State, number: int) -> Parcel:
        """Returns the message that carries plan and state."""
        header: dict[str, str | int | float | bool] = {
            "plan": self.plan.to_json(),
            "run": self.plan.run,
            "session": self.session,
            "round": number,
        }
        return Parcel(header, state)

    def _plain_vectors(self, state: State, nodes: list[int]) -> tuple[dict[str, NDArray[np.uint64]], dict[str, str]]:
        """Asks every node for its vector and returns the acceptable ones by site, and the reasons for the others."""
        request, codec = self.request(state, round_of(state)), self.plan.codec(state)
        answers = self.channel.ask(Step.CONTRIBUTE, dict.fromkeys(nodes, request), self.plan.timeout_seconds)
        vectors: dict[str, NDArray[np.uint64]] = {}
        left_out: dict[str, str] = {}
        for node in nodes:
            answer = answers.get(node, Answer(None, "no answer in time"))
            site = str(answer.parcel.header.get("site", node)) if answer.parcel else str(node)
            try:
                parcel = accept(answer, request)
                if site in vectors:
                    raise PayloadRefused(f"Two nodes call themselves {site!r}; the second was left out.")
                vector = declared_vector(parcel, codec.size)
                codec.check(vector)
                vectors[site] = vector
            except FederatedError as error:
                left_out[site if site not in vectors else f"{site} (node {node})"] = str(error)
        return vectors, left_out


def accept(answer: Answer, request: Parcel) -> Parcel:
    """Returns the parcel of an answer to the request.

    Raises:
        FederatedError: there is none, the site refused, or it answers another run, session or round.
    """
    if answer.parcel is None:
        raise FederatedError(answer.failure)
    header = answer.parcel.header
    if "refused" in header:
        raise FederatedError(f"refused ({header['refused']}): {header.get('reason', '')}")
    for key in ("run", "session", "round"):
        if header.get(key) != request.header[key]:
            raise RoundRefused(f"The answer is for {key} {header.get(key)!r}; asked was {request.header[key]!r}.")
    return answer.parcel


def declared_vector(parcel: Parcel, size: int) -> NDArray[np.uint64]:
    """Returns the vector of an answer; raises `PayloadRefused` unless it alone came, as declared."""
    shapes = {name: (str(array.dtype), array.shape) for name, array in parcel.arrays.items()}
    if shapes != {"vector": ("uint64", (size,))}:
        raise PayloadRefused(f"The answer carries {shapes}; declared is one vector of {size} uint64.")
    return parcel.arrays["vector"]


def sum_of(vectors: Mapping[str, NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """Returns the sum of vectors modulo 2^64."""
    total = np.zeros_like(next(iter(vectors.values())))
    for vector in vectors.values():
        total += vector
    return total


def check_state(state: State, number: int) -> None:
    """Raises unless the new state is of the next round and holds no NaN: a wrong model is never kept."""
    if round_of(state) != number:
        raise RoundRefused(f"The task's update returned round {round_of(state)}; expected was {number}.")
    for name, array in state.items():
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise PayloadRefused(f"The update made array {name!r} of the model not a number, so it was not kept.")
