"""Turns the wall times of a slot into instants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from agent_serving.commerce.delivery.errors import SlotTimeError


@dataclass(frozen=True)
class SlotTime:
    """A span of time that a delivery is promised in: two instants with their zone."""

    start: datetime
    end: datetime

    @classmethod
    def of_wall_time(cls, day: date, start: time, end: time, zone: ZoneInfo) -> SlotTime:
        """Return the slot between two wall times of a day; an `end` of 00:00 is the end of the day.

        A wall time that a clock change repeats is its first occurrence.

        Raises:
            SlotTimeError: a wall time does not exist on this day, or the slot does not end after its start.
        """
        last = date.fromordinal(day.toordinal() + 1) if end == time(0) else day
        slot = cls(_existing(datetime.combine(day, start), zone), _existing(datetime.combine(last, end), zone))
        if slot.end.astimezone(UTC) <= slot.start.astimezone(UTC):
            raise SlotTimeError(f"Got a slot from {start} to {end} on {day}; expected an end after the start.")
        return slot

    def seconds_after(self, origin: datetime) -> tuple[int, int]:
        """Return start and end as seconds after an instant. The hours of a day with a clock change are counted."""
        first, last = ((one.astimezone(UTC) - origin.astimezone(UTC)).total_seconds() for one in (self.start, self.end))
        return int(first), int(last)


def _existing(wall: datetime, zone: ZoneInfo) -> datetime:
    moment = wall.replace(tzinfo=zone)
    if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
        raise SlotTimeError(f"{wall:%Y-%m-%d %H:%M} does not exist in {zone.key}: the clocks are put forward over it.")
    return moment
