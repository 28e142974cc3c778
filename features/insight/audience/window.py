"""The last days, as all tests of times and events count them."""

from __future__ import annotations

from datetime import date, timedelta


def first_day(today: date, within_days: int) -> date:
    """Return the first of the last days, today included.

    >>> first_day(date(2017, 12, 31), 1), first_day(date(2017, 12, 31), 30)
    (datetime.date(2017, 12, 31), datetime.date(2017, 12, 2))
    """
    return max(today - timedelta(within_days - 1), date.min)
