"""Draws times by the hours at which people are online, the days on which they shop, and hours of work."""

import numpy as np

from pipelines.simulate.random_stream import Floats, Ints, Times, between, pick

_FIRST_DAY = np.datetime64("2017-01-01")
# Relative number of visits by hour of the day, with a peak at 21 h.
_HOURS = np.array([3, 2, 1, 1, 1, 1, 2, 4, 5, 6, 6, 7, 8, 7, 6, 6, 6, 6, 7, 8, 10, 12, 10, 6], dtype=np.float64)
# Relative number of visits by weekday, from Monday.
_WEEKDAYS = np.array([1.0, 0.95, 0.95, 1.0, 1.1, 1.3, 1.35])
# Factor of visits at the peaks before Seollal, Chuseok, the November sales and Christmas.
_PEAKS = {"2017-01-25": 1.5, "2017-09-29": 1.6, "2017-11-24": 1.7, "2017-12-21": 1.4}


def draw_times(rng: np.random.Generator, size: int) -> Times:
    """Draw times in 2017, in whole seconds, by the weights of days and hours."""
    day = pick(rng, _day_weights(), size)
    second = pick(rng, _HOURS, size) * 3600 + rng.integers(0, 3600, size)
    offset = (day * 86_400 + second).astype("timedelta64[s]")
    return np.asarray(_FIRST_DAY.astype("datetime64[s]") + offset)


def at_usual_hours(rng: np.random.Generator, times: Times) -> Times:
    """Return times of the same days, at hours at which people are online."""
    second = pick(rng, _HOURS, len(times)) * 3600 + rng.integers(0, 3600, len(times))
    return np.asarray(times.astype("datetime64[D]").astype("datetime64[s]") + second.astype("timedelta64[s]"))


def within_hours(rng: np.random.Generator, earliest: Times, first: Ints | int, last: Ints | int) -> Times:
    """Draw a time between two hours of the day, on the first day on which the first hour is not before `earliest`."""
    opens = np.asarray(first * 3600).astype("timedelta64[s]")
    start = earliest.astype("datetime64[D]").astype("datetime64[s]") + opens
    start = np.where(start < earliest, start + np.timedelta64(86_400, "s"), start)
    return between(rng, start, (last - first) * 3600, len(start))


def _day_weights() -> Floats:
    days = np.arange(365)
    weights = _WEEKDAYS[(days + 6) % 7] * (1 + 0.1 * np.cos(2 * np.pi * (days - 350) / 365))
    for date, height in _PEAKS.items():
        distance = days - int((np.datetime64(date) - _FIRST_DAY).astype(int))
        weights = weights * (1 + (height - 1) * np.exp(-((distance / 4) ** 2)))
    return np.asarray(weights)
