"""States what a channel to a destination does: `features.destination.webhook` and `features.destination.topic`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Protocol

from features.destination.event import ChangeEvent


class Reply(Enum):
    """What a destination answered to an event."""

    TAKEN = "taken"
    REFUSED = "refused"
    """It will never be taken."""
    FAILED = "failed"
    """It may be taken later."""


class Channel(Protocol):
    """The way to a destination."""

    def send(self, events: Sequence[ChangeEvent]) -> Iterator[Reply]:
        """Send events in order; yield the reply to each. An event is on the receiver's side when it is TAKEN.

        Raises:
            ChannelDown: the destination takes nothing now. Events without a reply were not taken, or will be repeated.
        """
        ...
