"""The event types and channels that rules may name: those of the contracts, and those that events have."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from features.insight.audience.errors import DefinitionError
from features.insight.audience.rule import EventTest

if TYPE_CHECKING:
    from installation.installation import Installation

EVENTS = "silver/touchpoint_event"


@dataclass(frozen=True)
class EventNames:
    """The names that are known. They describe what a shop records, and no person."""

    types: frozenset[str]
    channels: frozenset[str]

    def require(self, test: EventTest) -> None:
        """Check the names of a test. A misspelt one would select nobody, or with `not` everybody.

        Raises:
            DefinitionError: a name is unknown; the message has the known ones.
        """
        self._require(test.event, self.types, "event")
        if test.channel is not None:
            self._require(test.channel, self.channels, "channel")

    def _require(self, name: str, known: frozenset[str], place: str) -> None:
        if name not in known:
            near = get_close_matches(name, known, n=3)
            hint = f"{' or '.join(near)}; known are " if near else "one of "
            raise DefinitionError(place, repr(name), f"{hint}{', '.join(sorted(known)) or 'none'}")


def read_event_names(installation: Installation) -> EventNames:
    """Return the event types and channels that a contract declares or an event of the table has."""
    declared = [one.touchpoint for one in installation.contracts.values() if one.touchpoint is not None]
    listed = {
        role: {
            str(value)
            for one in installation.contracts.values()
            if one.touchpoint is not None and role in one.touchpoint.columns
            for value in one.column(one.touchpoint.columns[role]).enum or ()
        }
        for role in ("event_type", "channel")
    }
    types = {one.event_type for one in declared if one.event_type} | listed["event_type"]
    channels = {one.channel for one in declared if one.channel} | listed["channel"]
    if installation.lakehouse.exists(EVENTS):
        seen = installation.lakehouse.select(EVENTS, "DISTINCT event_type, channel")
        types |= set(seen["event_type"].drop_null().to_pylist())
        channels |= set(seen["channel"].drop_null().to_pylist())
    return EventNames(frozenset(types), frozenset(channels))
