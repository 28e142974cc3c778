"""The events of a turn, and their form as server-sent events.

    event: text
    data: {"text": "사과 1kg은 9,900원입니다."}

`text` and `cards` come as soon as they are checked. The last event is `done`, or `error` if there is no answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from agent_serving.tool.item import Item

EventName = Literal["session", "text", "cards", "done", "error"]


@dataclass(frozen=True)
class Event:
    """One event with its content."""

    name: EventName
    data: Mapping[str, Any]

    def encoded(self) -> bytes:
        """Return the event as the specification of server-sent events says."""
        return b"event: %s\ndata: %s\n\n" % (self.name.encode(), orjson.dumps(self.data))


def card_of(item: Item) -> dict[str, Any]:
    """Return an item as a card: what may be shown of it."""
    return {"kind": item.kind, "id": item.id, "title": item.title, "facts": dict(item.facts), **dict(item.card)}
