"""The day that a run calls today."""

from datetime import date
from functools import cached_property

from pipelines.config import Settings
from pipelines.contracts.document import Contract, Contracts
from pipelines.lakehouse import Lakehouse
from pipelines.table_profile import latest_day

NO_EVENTS_DAY = date(1970, 1, 1)
"""Today, as long as no source has brought an event."""


def today(settings: Settings, contracts: Contracts, lakehouse: Lakehouse) -> date:
    """Return the day that ages, recencies and freshness count to: `run_date`, else that of the latest event.

    The latest event and not the clock, so that the year 2017 is not stale and a repeated run gives the same
    tables.
    """
    if settings.run_date is not None:
        return settings.run_date
    days = (_latest_event_day(contract, lakehouse) for contract in contracts.sources)
    return max((day for day in days if day is not None), default=NO_EVENTS_DAY)


class RunDay:
    """What one run calls today: the same for all its tables, found when it is first called."""

    def __init__(self, settings: Settings, contracts: Contracts, lakehouse: Lakehouse) -> None:
        self._settings = settings
        self._contracts = contracts
        self._lakehouse = lakehouse

    def __call__(self) -> date:
        """Return the day. Call it when all sources are loaded."""
        return self._day

    def guess(self, loaded: Contract) -> date:
        """Return what the day will be if no source loads a later event than this one and those told before it."""
        if self._settings.run_date is None:
            self._latest = max(self._latest, _latest_event_day(loaded, self._lakehouse) or NO_EVENTS_DAY)
        return self._latest

    @cached_property
    def _latest(self) -> date:
        # What former runs have loaded: a run that brings nothing new guesses right from its first source on.
        return today(self._settings, self._contracts, self._lakehouse)

    @cached_property
    def _day(self) -> date:
        return today(self._settings, self._contracts, self._lakehouse)


def _latest_event_day(contract: Contract, lakehouse: Lakehouse) -> date | None:
    column = contract.touchpoint.columns.get("event_time") if contract.touchpoint else None
    if column is None or not lakehouse.exists(contract.table):
        return None
    return latest_day(lakehouse.delta(contract.table), column)
