"""The reference date of a run, and the moment at which the shop decides what is permitted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from functools import cached_property
from zoneinfo import ZoneInfo

from installation.contract.document import Contract, Contracts
from installation.lakehouse.lakehouse import Lakehouse
from installation.lakehouse.table_profile import latest_day
from installation.settings import Settings

NO_EVENTS_DAY = date(1970, 1, 1)
"""Reference date as long as no source has brought an event."""
LANDED_CONSENTS = "bronze/consent_event"


def reference_date(settings: Settings, contracts: Contracts, lakehouse: Lakehouse) -> date:
    """Return the date to which ages, recencies and freshness count: `run_date`, else the day of the latest event.

    `NO_EVENTS_DAY` when there is no event. The clock is not used, so that data of the year 2017 does not count as
    stale, and a repeated run gives the same tables.
    """
    if settings.run_date is not None:
        return settings.run_date
    days = (_latest_event_day(contract, lakehouse) for contract in contracts.sources)
    return max((day for day in days if day is not None), default=NO_EVENTS_DAY)


class ReferenceDate:
    """Holds the reference date of one run: the same for all its tables, computed at the first call."""

    def __init__(self, settings: Settings, contracts: Contracts, lakehouse: Lakehouse) -> None:
        self._settings = settings
        self._contracts = contracts
        self._lakehouse = lakehouse

    def __call__(self) -> date:
        """Return the reference date. Call this only after all sources are loaded."""
        return self._date

    def guess(self, loaded: Contract) -> date:
        """Return the reference date by the events loaded so far; a source that is loaded later may change it."""
        if self._settings.run_date is None:
            self._latest = max(self._latest, _latest_event_day(loaded, self._lakehouse) or NO_EVENTS_DAY)
        return self._latest

    @cached_property
    def _latest(self) -> date:
        # Starts with the events of earlier runs, so the guess is right at once when a run loads nothing new.
        return reference_date(self._settings, self._contracts, self._lakehouse)

    @cached_property
    def _date(self) -> date:
        return reference_date(self._settings, self._contracts, self._lakehouse)


def decision_moment(settings: Settings, contracts: Contracts, day: date, now: datetime) -> datetime:
    """Return the moment at which consent is decided, as the shop's local wall time.

    The moment is now. If the consents are simulated (as their contract declares), it is the end of the reference date:
    otherwise every consent of the year 2017 would have lapsed.

    Args:
        settings: the shop's time zone.
        contracts: declare whether the source of consents is simulated.
        day: the reference date.
        now: the time now, with its zone.
    """
    is_simulated = any(source.simulated for source in contracts.sources if source.table == LANDED_CONSENTS)
    if is_simulated and day != NO_EVENTS_DAY:
        return datetime.combine(day, time.max)
    return shop_time(settings, now)


def shop_time(settings: Settings, now: datetime) -> datetime:
    """Return a time with its zone as the shop's local wall time, without zone."""
    return now.astimezone(ZoneInfo(settings.time_zone)).replace(tzinfo=None)


def current_decision_moment(
    settings: Settings, contracts: Contracts, lakehouse: Lakehouse, clock: Callable[[], datetime]
) -> datetime:
    """Return the decision moment outside a run: the reference date is read from the tables as they are."""
    return decision_moment(settings, contracts, reference_date(settings, contracts, lakehouse), clock())


def _latest_event_day(contract: Contract, lakehouse: Lakehouse) -> date | None:
    column = contract.touchpoint.columns.get("event_time") if contract.touchpoint else None
    if column is None or not lakehouse.exists(contract.table):
        return None
    return latest_day(lakehouse.delta(contract.table), column)
