"""Builds silver/calendar: days with public holidays, seasons, pay-days and weather."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import holidays
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.derived_table.table import BuildContext, Tables

NATIONWIDE = "전국"
HOLIDAY_COUNTRY = "KR"
PAY_DAY = 25  # the most common pay-day in Korea, as day of the month
RUN_UP_DAYS = 7
PAY_WEEK_DAYS = 7
_HORIZON_DAYS = 60
LARGEST_FORESIGHT_DAYS = 60
"""How far the calendar reaches beyond the reference date: weather is forecast for weeks, and a wrong date of 2099 would
add thirty thousand days."""
_SEASONS = ("winter", "spring", "summer", "autumn")
_SCHEMA = (
    "calendar_date date, iso_weekday int, is_weekend boolean, month int, quarter int, season string, "
    "is_public_holiday boolean, holiday_name string, days_to_holiday int, is_holiday_run_up boolean, "
    "days_since_pay_day int, is_pay_week boolean"
)


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per day and province.

    The days range from the first to the last day of bronze/cj_transactions, bronze/weather and the reference date, and
    end at most `LARGEST_FORESIGHT_DAYS` after the reference date.
    """
    weather = tables["bronze/weather"]
    first, last = _span(tables, context.as_of)
    days = context.spark.createDataFrame(list(describe_days(first, last)), _SCHEMA)
    nationwide = context.spark.createDataFrame([(NATIONWIDE,)], "sido string")
    provinces = weather.select("sido").union(tables["bronze/region"].select("sido")).distinct()
    measured = weather.select(
        F.col("observed_on").alias("calendar_date"), "sido", "temp_min_c", "temp_max_c", "precipitation_mm",
        "precipitation_mm_is_imputed", F.col("condition").alias("weather_condition"),
    )  # fmt: skip
    every = days.crossJoin(provinces.where(F.col("sido").isNotNull()).union(nationwide))
    return every.join(measured, ["calendar_date", "sido"], "left")


def _span(tables: Tables, as_of: date) -> tuple[date, date]:
    sold = tables["bronze/cj_transactions"].agg(
        F.min(F.to_date("transaction_timestamp")).alias("a"), F.max(F.to_date("transaction_timestamp")).alias("b")
    )
    observed = tables["bronze/weather"].agg(F.min("observed_on").alias("a"), F.max("observed_on").alias("b"))
    found = [day for row in sold.union(observed).collect() for day in row if day is not None]
    return min([*found, as_of]), min(max([*found, as_of]), as_of + timedelta(LARGEST_FORESIGHT_DAYS))


def describe_days(first: date, last: date) -> Iterator[tuple[Any, ...]]:
    """Yield one tuple per day from first to last, in the order of the columns of silver/calendar."""
    free = holidays.country_holidays(HOLIDAY_COUNTRY, years=range(first.year - 1, last.year + 2), language="ko")
    named = {day: name for day, name in free.items() if first - timedelta(400) < day < last + timedelta(400)}
    for offset in range((last - first).days + 1):
        day = first + timedelta(offset)
        to_holiday = next((n for n in range(_HORIZON_DAYS + 1) if day + timedelta(n) in named), None)
        since_pay = days_since_pay_day(day, set(named))
        yield (
            day, day.isoweekday(), day.isoweekday() > 5, day.month, (day.month + 2) // 3,
            _SEASONS[day.month % 12 // 3], day in named, named.get(day), to_holiday,
            to_holiday is not None and 0 < to_holiday <= RUN_UP_DAYS, since_pay, since_pay < PAY_WEEK_DAYS,
        )  # fmt: skip


def days_since_pay_day(day: date, public_holidays: set[date]) -> int:
    """Return the number of days since the last pay-day: the 25th, or the working day before it.

    >>> days_since_pay_day(date(2017, 3, 1), set())  # 25 February 2017 was a Saturday, so the pay-day was Friday
    5
    """
    paid = _pay_day(day.year, day.month, public_holidays)
    if paid > day:
        before = day.replace(day=1) - timedelta(1)
        paid = _pay_day(before.year, before.month, public_holidays)
    return (day - paid).days


def _pay_day(year: int, month: int, public_holidays: set[date]) -> date:
    day = date(year, month, PAY_DAY)
    while day.isoweekday() > 5 or day in public_holidays:
        day -= timedelta(1)
    return day
