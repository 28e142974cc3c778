"""The interface of a model that sites train together: each site sends sums, the server adds and updates.

Everything that a site sends is a set of arrays that can be added, so one mechanism (plain sum, secure sum, noise)
serves every model. A task holds settings only; what is learned is in the state, which every site may see.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from federated.errors import BadSetting
from federated.schema import Arrays, ArraySpec, SiteTable, TableSchema

State = Mapping[str, NDArray[Any]]
"""What has been learned: named arrays, public to every site. `round` counts the updates that went into it."""

TASKS = {
    "glm": "federated.glm:Glm",
    "k_means": "federated.k_means:KMeans",
    "network": "federated.network:Network",
    "trees": "federated.trees.boosting:BoostedTrees",
}
"""Module and class of each task by name. A task is a frozen dataclass whose fields are plain values."""


class Task(Protocol):
    """A model trained by sums. Implementations are pure: the same arguments give the same bits."""

    @property
    def name(self) -> str:
        """Name of the task in `TASKS`."""
        ...

    def start(self, schema: TableSchema) -> State:
        """Returns the state before the first round, with `round` 0."""
        ...

    def shapes(self, state: State) -> Sequence[ArraySpec]:
        """Returns what may leave a site in this round. Both ends check messages against it."""
        ...

    def contribute(self, state: State, data: SiteTable) -> Arrays:
        """Returns the statistics of one site, in the names and shapes of `shapes`. An empty table gives zeros."""
        ...

    def update(self, state: State, total: Arrays, sites: int) -> State:
        """Returns the next state from the sum over the sites that took part, with `round` one higher."""
        ...

    def is_done(self, state: State) -> bool:
        """Tells whether further rounds would change nothing that matters."""
        ...

    def predict(self, state: State, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns one prediction a row of features in the schema's order (the mean of the target)."""
        ...


@runtime_checkable
class PrivateTask(Task, Protocol):
    """A task whose contribution can be clipped per customer, so that noise gives differential privacy."""

    def contribute_each(self, state: State, data: SiteTable, clip: float) -> Arrays:
        """Returns the sum over customers of their contributions, each scaled down to an L2 norm of at most `clip`.

        The norm is over all arrays of the round together. Neighbouring tables differ in all rows of one customer
        (added or removed), so the sum's L2 sensitivity is `clip`.
        """
        ...


def round_of(state: State) -> int:
    """Returns how many updates went into the state."""
    return int(state["round"])


def with_round(state: State, number: int) -> dict[str, NDArray[Any]]:
    """Returns a copy of the state with another round counter."""
    return {**state, "round": np.array(number, dtype=np.int64)}


def task_to_json(task: Task) -> str:
    """Returns name and settings of a task as JSON that `task_from_json` reads."""
    return json.dumps({"task": task.name, **asdict(task)}, sort_keys=True)  # type: ignore[call-overload]


def task_from_json(text: str) -> Task:
    """Makes the task that `task_to_json` wrote.

    Raises:
        BadSetting: there is no such task, it has no such setting, or a setting has another type.
    """
    settings = json.loads(text)
    name = settings.pop("task", None)
    if name not in TASKS:
        raise BadSetting(f"There is no task {name!r}. There are: {', '.join(sorted(TASKS))}.")
    module, _, class_name = TASKS[name].partition(":")
    kind = getattr(import_module(module), class_name)
    known = {field.name for field in fields(kind)}
    if unknown := sorted(set(settings) - known):
        raise BadSetting(f"Task {name!r} has no setting {unknown[0]!r}. It has: {', '.join(sorted(known))}.")
    for field in fields(kind):
        value, expected = settings.get(field.name, field.default), type(field.default)
        if field.default is not MISSING and not _is_of(value, expected):
            raise BadSetting(f"`{field.name}` of task {name!r} must be of type {expected.__name__}, got {value!r}.")
    task: Task = kind(**settings)
    return task


def _is_of(value: object, kind: type) -> bool:
    """Return whether a setting has the type of its default; a whole number is a float as well."""
    return type(value) is kind or (kind is float and type(value) is int) or kind in (tuple, type(None))
