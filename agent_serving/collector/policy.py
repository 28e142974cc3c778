"""What the door asks before it stores an event: a policy decides for each event of a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from agent_serving.collector.received_event import ReceivedEvent


class Outcome(StrEnum):
    """What happens with an event."""

    STORE = "store"
    WAIT = "wait"
    DROP = "drop"


@dataclass(frozen=True, slots=True, repr=False)
class Decision:
    """The outcome of one event. `reason` is one word of a fixed list, the label of a metric.

    `released`: lines of waiting events that this event frees. They are stored before its own line.
    """

    outcome: Outcome
    reason: str
    released: tuple[bytes, ...] = ()


class CollectionPolicy(Protocol):
    """Decides on the events of one source. Several threads call it."""

    def decide(self, events: Sequence[ReceivedEvent]) -> Sequence[Decision]:
        """Return one decision for each event of a request, in their order. What waits is durable when this returns."""

    def settle(self, events: Sequence[ReceivedEvent], decisions: Sequence[Decision]) -> None:
        """Forget the released events: their lines are on the disk now."""

    def close(self) -> None:
        """Close what the policy opened."""


class StoreAll:
    """The policy of a source whose contract asks for no consent at collection."""

    def decide(self, events: Sequence[ReceivedEvent]) -> Sequence[Decision]:
        """Return that every event is stored."""
        return [_STORED] * len(events)

    def settle(self, events: Sequence[ReceivedEvent], decisions: Sequence[Decision]) -> None:
        """Do nothing: no event waits."""

    def close(self) -> None:
        """Do nothing: nothing is open."""


_STORED = Decision(Outcome.STORE, "not_asked")
