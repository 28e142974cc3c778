"""The simulated weather has seasons, and one row per province and day."""

import numpy as np
import pandas as pd

from pipelines.simulate.weather import draw_weather


def test_summer_is_warmer_than_winter_and_each_province_and_day_occurs_once() -> None:
    weather = draw_weather(np.random.default_rng(5))
    assert not weather.duplicated(["sido", "observed_on"]).any()
    assert weather["sido"].nunique() == 17
    assert (weather["temp_min_c"] < weather["temp_max_c"]).all()
    assert weather["temp_max_c"].between(-25, 45).all()
    month = pd.to_datetime(weather["observed_on"]).dt.month
    assert weather.loc[month == 8, "temp_max_c"].mean() > weather.loc[month == 1, "temp_max_c"].mean() + 20
    assert weather.loc[month == 7, "precipitation_mm"].sum() > 2 * weather.loc[month == 1, "precipitation_mm"].sum()
    snow = weather["condition"] == "snow"
    assert snow.any()
    assert not month[snow].between(5, 10).any()
