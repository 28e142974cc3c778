"""The moment at which a shop decides what is permitted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from pipelines.as_of import NO_EVENTS_DAY, today
from pipelines.config import Settings
from pipelines.contracts.document import Contracts
from pipelines.lakehouse import Lakehouse

LANDED = "bronze/consent_event"


def decision_moment(settings: Settings, contracts: Contracts, as_of: date, wall: datetime) -> datetime:
    """Return the moment, as the shop's local wall time.

    It is now. Only a market whose consents are simulated (their contract says so) lives in a time of its own, which
    stands at the end of the run's day: else every consent of the year 2017 would have lapsed long ago.

    Args:
        settings: the shop's time zone.
        contracts: say whether the source of consents is simulated.
        as_of: the run's day, see `pipelines.as_of.today`.
        wall: the time now, with its zone.
    """
    is_simulated = any(source.simulated for source in contracts.sources if source.table == LANDED)
    if is_simulated and as_of != NO_EVENTS_DAY:
        return datetime.combine(as_of, time.max)
    return wall_time(settings, wall)


def wall_time(settings: Settings, wall: datetime) -> datetime:
    """Return a time with its zone as the shop's local wall time."""
    return wall.astimezone(ZoneInfo(settings.time_zone)).replace(tzinfo=None)


def moment_now(settings: Settings, contracts: Contracts, clock: Callable[[], datetime]) -> datetime:
    """Return the moment outside a run: the day is read from the tables as they are. Needs no engine."""
    lakehouse = Lakehouse(settings.lakehouse_root, storage_options=settings.storage_options)
    return decision_moment(settings, contracts, today(settings, contracts, lakehouse), clock())
