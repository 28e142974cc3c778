"""Draws the daily weather of each province in 2017, with seasons, monsoon and snow."""

import numpy as np
import pandas as pd

from pipelines.simulate.random_stream import Floats, chance
from pipelines.simulate.text import day_text

# Yearly mean and seasonal amplitude of the daily mean temperature in degrees Celsius, roughly, by province.
_CLIMATE = {
    "서울특별시": (13.0, 14.5),
    "부산광역시": (15.0, 11.2),
    "대구광역시": (14.6, 13.3),
    "인천광역시": (12.6, 13.8),
    "광주광역시": (14.2, 12.9),
    "대전광역시": (13.5, 13.8),
    "울산광역시": (14.6, 12.0),
    "세종특별자치시": (13.0, 14.2),
    "경기도": (12.4, 14.6),
    "강원도": (11.2, 14.3),
    "충청북도": (12.2, 14.6),
    "충청남도": (12.6, 14.0),
    "전라북도": (13.3, 13.6),
    "전라남도": (14.3, 12.0),
    "경상북도": (13.2, 13.2),
    "경상남도": (14.5, 12.0),
    "제주특별자치도": (16.2, 10.3),
}
_HOTTEST_DAY = 212  # the last of July
_DAYS = np.arange(np.datetime64("2016-12-31"), np.datetime64("2018-01-08"))
_PERSISTENCE = 0.75  # correlation of the deviation from one day to the next


def draw_weather(rng: np.random.Generator) -> pd.DataFrame:
    """Return one row per province and day: temperatures (degrees Celsius), precipitation (millimetres), condition."""
    day = (_DAYS - np.datetime64("2017-01-01")).astype(int)
    season = np.cos(2 * np.pi * (day - _HOTTEST_DAY) / 365.25)
    mean = np.array([m + s * season for m, s in _CLIMATE.values()])
    mean = mean + _wander(rng, mean.shape[1]) + rng.normal(0, 0.8, mean.shape)
    spread = rng.uniform(3, 6.5, mean.shape)
    # The monsoon lasts from late June to the end of August.
    wet_chance = 0.19 + 0.27 * np.exp(-(((day - 205) / 28) ** 2))
    is_wet = chance(rng, np.tile(wet_chance, len(_CLIMATE)), mean.size).reshape(mean.shape)
    rain = np.where(is_wet, rng.gamma(0.8, 9 + 16 * np.exp(-(((day - 205) / 30) ** 2)), mean.shape), 0.0).round(1)
    sky = np.where(rng.random(mean.shape) < 0.55, "clear", np.where(rng.random(mean.shape) < 0.93, "cloudy", "fog"))
    condition = np.where(rain > 0, np.where(mean < 0.5, "snow", "rain"), sky)
    return pd.DataFrame(
        {
            "sido": np.repeat(np.array(list(_CLIMATE), dtype=object), len(_DAYS)),
            "observed_on": np.tile(day_text(_DAYS), len(_CLIMATE)),
            "temp_min_c": (mean - spread).round(1).ravel(),
            "temp_max_c": (mean + spread).round(1).ravel(),
            "precipitation_mm": rain.ravel(),
            "condition": condition.astype(object).ravel(),
        }
    )


def _wander(rng: np.random.Generator, days: int) -> Floats:
    """Draw the daily deviation from the mean temperature: first-order autoregression, deviation about 3 degrees."""
    steps, value = rng.normal(0, 3 * np.sqrt(1 - _PERSISTENCE**2), days), np.zeros(days)
    for i in range(1, days):
        value[i] = _PERSISTENCE * value[i - 1] + steps[i]
    return value
