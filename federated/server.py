"""The server's part of a run: asks the sites, checks their answers, adds them and updates the model, round by round."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from federated.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from federated.collection import Channel, Collection
from federated.errors import BadSetting, CheckpointRefused, PayloadRefused, RoundRefused, TooFewSites
from federated.plan import Plan
from federated.secure.identity import Roster
from federated.task import State, round_of


@dataclass(frozen=True)
class RoundRecord:
    """What happened in a round.

    Attributes:
        round: number of the round, from 0.
        sites: names of the sites in the sum.
        left_out: site or node and the reason why it is not in the sum.
        seconds: duration.
        rho: privacy cost of the round (zero-concentrated), 0 without noise.
        change: what the task reports about convergence, if it has `change` or `loss` in its state.
    """

    round: int
    sites: list[str]
    left_out: dict[str, str]
    seconds: float
    rho: float = 0.0
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
        roster: public keys of the sites; a masked run needs it.
        checkpoint: file of the checkpoint, or None to keep none. An existing one of the same plan is continued.
        session: number above that of every earlier start of this run; sites refuse older ones.
        progress: called after each round.
    """

    plan: Plan
    channel: Channel
    roster: Roster | None = None
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
        collection = Collection(self.plan, self.channel, self.session, state, nodes)
        if self.plan.is_secure:
            if self.roster is None:
                raise BadSetting("A masked run needs the roster: the file with the public key of every site.")
            collected = collection.secure(self.roster)
        else:
            collected = collection.plain()
        new = self.plan.task.update(state, collection.codec.decode(collected.total), len(collected.sites))
        check_state(new, number + 1)
        seconds = time.perf_counter() - start
        change = {key: float(new[key]) for key in ("change", "loss") if key in new and new[key].ndim == 0}
        change = {key: value for key, value in change.items() if np.isfinite(value)}
        return new, RoundRecord(
            number, collected.sites, collected.left_out, seconds, self.plan.rho(collection.codec), change
        )

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


def check_state(state: State, number: int) -> None:
    """Raises unless the new state is of the next round and holds no NaN: a wrong model is never kept."""
    if round_of(state) != number:
        raise RoundRefused(f"The task's update returned round {round_of(state)}; expected was {number}.")
    for name, array in state.items():
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise PayloadRefused(f"The update made array {name!r} of the model not a number, so it was not kept.")
