"""The last day for the answer to a request, and how near it is.

A period starts on the day after receipt. A period in months ends on the day of the same number, or on the last day of
a month that has no such day (Regulation 1182/71 art. 3). A last day that is a Saturday, a Sunday or a public holiday
of the country moves to the next working day (art. 3(4); Civil Act of Korea art. 161).
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from privacy.rights.errors import InvalidSubmissionError, RightsRefusedError
from privacy.rights.law import Extension, Period, RequestLaw
from privacy.rights.request import Right

WARNING_BUSINESS_DAYS = 3
"""A request with this many business days left or fewer is due soon: time for one review and one execution."""

MOST_POSTPONED = timedelta(days=366)
"""A stated day lies at most so long after the first last day. An obstacle that lasts longer is a ground of refusal."""


class Urgency(StrEnum):
    """How near the last day of an open request is."""

    ON_TIME = "on_time"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"


@dataclass(frozen=True)
class Deadline:
    """The last day, the business days left until its end (negative when it has passed), and the urgency."""

    due_on: date
    business_days_left: int
    urgency: Urgency


def first_deadline(law: RequestLaw, right: Right, received_on: date, country: str) -> date:
    """Return the last day for the answer to a request that arrived on this day.

    >>> from privacy.rights.law import built_in_request_laws
    >>> laws = built_in_request_laws()
    >>> first_deadline(laws.of("DE"), Right.ACCESS, date(2026, 1, 31), "DE")  # 28 February is a Saturday
    datetime.date(2026, 3, 2)
    >>> first_deadline(laws.of("KR"), Right.ACCESS, date(2026, 2, 6), "KR")  # 16 to 18 February are Seollal
    datetime.date(2026, 2, 19)
    """
    return next_working_day(_end(received_on, law.period(right)), country)


def extended_deadline(
    law: RequestLaw, right: Right, received_on: date, country: str, extensions: int, until: date | None
) -> tuple[date, Extension]:
    """Return the last day after one more extension, and the rule that allows it.

    Args:
        law: governs the request.
        right: the right that is exercised.
        received_on: day of receipt.
        country: of the public holidays.
        extensions: how often the request was extended already.
        until: the day that the officer states, where the law sets no length.

    Raises:
        RightsRefusedError: the law allows no further extension of such a request.
        InvalidSubmissionError: a day is stated where the law sets the length, or the other way round, or it is too
            early.
    """
    rule = law.extensions.get(right)
    if rule is None:
        raise RightsRefusedError(f"The {law.name.en} allows no extension for {right}; answer or refuse the request.")
    if extensions >= rule.times:
        raise RightsRefusedError(f"{rule.article} allows {rule.times} extension(s), and this request had them.")
    if rule.until_stated != (until is not None):
        needed = "state the day until which it is postponed" if rule.until_stated else "state no day"
        raise InvalidSubmissionError(f"{rule.article} sets the length of an extension; {needed}.")
    first = _end(received_on, law.period(right))
    if until is not None:
        if until <= first:
            raise InvalidSubmissionError(f"The extension ends on {until}; expected a day after {first}.")
        if until > first + MOST_POSTPONED:
            latest = first + MOST_POSTPONED
            raise InvalidSubmissionError(f"The extension ends on {until}; expected {latest} or earlier.")
        return next_working_day(until, country), rule
    times = extensions + 1
    if rule.months is not None:
        # Counted from receipt in one step, because 31 January + 1 month + 2 months is not 31 January + 3 months.
        months = (law.period(right).months or 0) + rule.months * times
        return next_working_day(_months_after(received_on, months), country), rule
    return next_working_day(first + timedelta(days=(rule.days or 0) * times), country), rule


def deadline_on(today: date, due_on: date, country: str) -> Deadline:
    """Return how near a last day is on the day `today`."""
    left = business_days(today, due_on, country)
    if today > due_on:
        return Deadline(due_on, left, Urgency.OVERDUE)
    return Deadline(due_on, left, Urgency.DUE_SOON if left <= WARNING_BUSINESS_DAYS else Urgency.ON_TIME)


def business_days(after: date, until: date, country: str) -> int:
    """Return the number of business days after one day until another one; negative when `until` lies before.

    >>> business_days(date(2026, 2, 13), date(2026, 2, 19), "KR")  # a Friday; Seollal lies between
    1
    >>> business_days(date(2026, 2, 19), date(2026, 2, 13), "KR")
    -1
    """
    low, high = min(after, until), max(after, until)
    days = (low + timedelta(days=n) for n in range(1, (high - low).days + 1))
    count = sum(is_business_day(day, country) for day in days)
    return count if after <= until else -count


def next_working_day(day: date, country: str) -> date:
    """Return the day, or the next business day after it."""
    while not is_business_day(day, country):
        day += timedelta(days=1)
    return day


def is_business_day(day: date, country: str) -> bool:
    """Return whether a day is neither a Saturday, a Sunday nor a public holiday of the country."""
    return day.weekday() < 5 and day not in _holidays(country)


def _end(received_on: date, period: Period) -> date:
    if period.months is not None:
        return _months_after(received_on, period.months)
    return received_on + timedelta(days=period.days or 0)


def _months_after(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


@cache
def _holidays(country: str) -> Any:
    # Imported here: the package registers every country, and only requests need it.
    import holidays

    return holidays.country_holidays(country)
