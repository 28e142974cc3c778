"""Compares the newest event of all sources with the reference date: historic data needs the setting `run_date`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from installation.contract.document import Contracts
from installation.lakehouse.lakehouse import Lakehouse
from installation.lakehouse.table_profile import latest_day

LARGEST_AGE_DAYS = 90
"""Age of the newest event above which there is a warning. A quarter without one event is no running business."""


@dataclass(frozen=True)
class NewestEvent:
    """The day of the newest event of all sources (None without events), and the reference date."""

    day: date | None
    today: date

    @property
    def warning(self) -> str | None:
        """The warning about an old newest event; None if it is recent or there is none."""
        age = (self.today - self.day).days if self.day else 0
        if age <= LARGEST_AGE_DAYS:
            return None
        return (
            f"The newest event, of {self.day}, is {age:,} days before the reference date {self.today}. Recencies count "
            f"to that date, and rows past their retention are left out. For historic data set run_date = {self.day}."
        )


def find_newest_event(lakehouse: Lakehouse, contracts: Contracts, today: date) -> NewestEvent:
    """Return the newest event of all sources by the statistics of their tables' logs. Reads no data file.

    It is for the warning only: nothing is computed from it.
    """
    columns = {
        contract.table: contract.touchpoint.columns.get("event_time")
        for contract in contracts.sources
        if contract.touchpoint and lakehouse.exists(contract.table)
    }
    days = (latest_day(lakehouse.delta(table), column) for table, column in columns.items() if column)
    return NewestEvent(max((day for day in days if day), default=None), today)
