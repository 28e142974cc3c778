"""Deadlines against an independent count of days, and the law file's references."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

import holidays
from hypothesis import given
from hypothesis import strategies as st

from privacy.rights.deadline import business_days, first_deadline
from privacy.rights.law import built_in_request_laws
from privacy.rights.request import Right

LAWS = built_in_request_laws()
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))


@given(DAYS, st.sampled_from(["KR", "DE", "FR"]), st.sampled_from(list(Right)))
def test_the_last_day_is_the_first_working_day_at_or_after_the_end_of_the_period(
    received: date, country: str, right: Right
) -> None:
    if country == "KR":
        end = received + timedelta(days=30 if right is Right.EXPLANATION else 10)
    else:
        year, month = (received.year, received.month + 1) if received.month < 12 else (received.year + 1, 1)
        end = date(year, month, min(received.day, calendar.monthrange(year, month)[1]))
    free = holidays.country_holidays(country, years=[end.year, end.year + 1])
    while end.weekday() >= 5 or end in free:
        end += timedelta(days=1)
    assert first_deadline(LAWS.of(country), right, received, country) == end


@given(DAYS, st.integers(0, 60))
def test_business_days_add_up(day: date, span: int) -> None:
    middle, end = day + timedelta(days=span // 2), day + timedelta(days=span)
    assert business_days(day, end, "KR") == business_days(day, middle, "KR") + business_days(middle, end, "KR")
    assert business_days(end, day, "KR") == -business_days(day, end, "KR")


def test_every_right_of_every_law_has_a_ground_of_refusal_and_every_country_one_law() -> None:
    countries = [country for law in LAWS.laws.values() for country in law.jurisdictions]
    assert len(countries) == len(set(countries))
    assert {*countries} <= {*holidays.list_supported_countries()}
    for law in LAWS.laws.values():
        assert {right for ground in law.grounds.values() for right in ground.rights} == set(Right)
