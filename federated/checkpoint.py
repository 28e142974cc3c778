"""Checkpoints of a run: the state after each complete round, in one file that is replaced as a whole."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from federated.errors import CheckpointRefused
from federated.plan import Plan
from federated.task import State


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after a round.

    Attributes:
        plan: the plan that made it.
        state: what has been learned.
        history: one record a round, as `server.RoundRecord` writes it.
        is_done: the run has ended.
    """

    plan: Plan
    state: State
    history: list[Mapping[str, Any]] = field(default_factory=list)
    is_done: bool = False


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint; a crash leaves the former one. The file holds arrays and JSON, no pickle."""
    body = {"plan": checkpoint.plan.to_json(), "history": checkpoint.history, "is_done": checkpoint.is_done}
    buffer = io.BytesIO()
    np.savez(buffer, **{f"state:{name}": value for name, value in checkpoint.state.items()})  # type: ignore[arg-type]
    arrays = buffer.getvalue()
    text = json.dumps(body | {"sha256": sha256(arrays + _canonical(body)).hexdigest()})
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with zipfile.ZipFile(part, "w") as archive:
        archive.writestr("run.json", text)
        archive.writestr("state.npz", arrays)
    with part.open("rb+") as handle:
        os.fsync(handle.fileno())
    part.replace(path)


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads a checkpoint.

    Raises:
        CheckpointRefused: the file is damaged, altered or no checkpoint.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            body, arrays = json.loads(archive.read("run.json")), archive.read("state.npz")
        digest = body.pop("sha256")
        if digest != sha256(arrays + _canonical(body)).hexdigest():
            raise CheckpointRefused(
                f"The checkpoint {path.name} does not match its checksum. Restore it, or start again."
            )
        with np.load(io.BytesIO(arrays), allow_pickle=False) as stored:
            state = {name.removeprefix("state:"): stored[name] for name in stored.files}
        return Checkpoint(Plan.from_json(body["plan"]), state, body["history"], body["is_done"])
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise CheckpointRefused(f"The checkpoint {path.name} cannot be read: {type(error).__name__}.") from None


def _canonical(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True).encode()
