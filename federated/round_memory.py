"""Keeps in a file which rounds a node has answered, so that a restarted node answers none of them twice.

The secrets of a masked round are not kept: they stay in the memory of the process, and the round is lost with it.
"""

from __future__ import annotations

import json
import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from federated.errors import BadSetting

PREFIX = "last:"
"""Prefix of the keys that hold the last session, round and step that was answered, one a run."""


def recall(path: Path, memory: MutableMapping[str, Any]) -> None:
    """Adds the answered rounds of the file to a node's memory.

    Raises:
        BadSetting: the file is damaged. An empty one would let every round be asked again.
    """
    if not path.exists():
        return
    try:
        kept = {str(key): [int(part) for part in value] for key, value in json.loads(path.read_text()).items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise BadSetting(f"The file {path.name} of answered rounds is damaged ({error}). Restore it.") from None
    for key, value in kept.items():
        memory[key] = max(list(memory.get(key, value)), value)


def keep(path: Path, memory: MutableMapping[str, Any]) -> None:
    """Writes the answered rounds to the file; they are on the disk when this returns, before the answer leaves."""
    text = json.dumps({key: list(value) for key, value in memory.items() if key.startswith(PREFIX)})
    part = path.with_suffix(".part")
    with part.open("w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    part.replace(path)
