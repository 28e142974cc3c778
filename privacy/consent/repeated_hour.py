"""Orders statements within the hour that a clock repeats when summer time ends, so that a withdrawal there counts.

A wall time of that hour happened twice, and the record does not say which of the two is meant. A consent of that hour
counts from just before it. A withdrawal of the same hour then always follows it, whatever the clock said.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from privacy.consent.state import PERMITTING, State

LENIENT = frozenset({*PERMITTING, State.OBJECTION_LIFTED, State.RESTRICTION_LIFTED})
"""The states that allow more than before. All others count from their own time."""
_INSTANT = timedelta(microseconds=1)


def settled(at: datetime, state: str, zone: str) -> datetime:
    """Return the wall time from which a statement counts: just before the repeated hour for one that allows more.

    >>> settled(datetime(2017, 11, 5, 1, 40), "given", "America/New_York")
    datetime.datetime(2017, 11, 5, 0, 59, 59, 999999)
    >>> settled(datetime(2017, 11, 5, 1, 10), "withdrawn", "America/New_York")
    datetime.datetime(2017, 11, 5, 1, 10)
    """
    if state not in LENIENT:
        return at
    clock = ZoneInfo(zone)
    first, second = (at.replace(tzinfo=clock, fold=fold).utcoffset() for fold in (0, 1))
    if first is None or second is None or first <= second:
        return at
    # Both offsets are those around the change; the hour begins where the later offset's clock meets it.
    begin = at
    step = timedelta(minutes=1)
    while is_repeated(begin - step, zone):
        begin -= step
    return begin.replace(second=0, microsecond=0) - _INSTANT


def is_repeated(at: datetime, zone: str) -> bool:
    """Return whether the clock of a zone showed this wall time twice."""
    clock = ZoneInfo(zone)
    first, second = (at.replace(tzinfo=clock, fold=fold).utcoffset() for fold in (0, 1))
    return first is not None and second is not None and first > second
