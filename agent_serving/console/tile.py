"""Tiles of the start page: a figure that matters to a role, and where its details are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from privacy.rights.wording import Wording

if TYPE_CHECKING:
    from agent_serving.console.visit import Visit


@dataclass(frozen=True)
class Tile:
    """A figure. `kind`: good, bad, warn or plain. `address` is below `/console`."""

    title: Wording
    value: Any
    address: str
    note: Wording | None = None
    kind: str = "plain"


Tiles = Callable[["Visit"], list[Tile]]
"""What a family of pages shows on the start page of the roles that may open it."""
