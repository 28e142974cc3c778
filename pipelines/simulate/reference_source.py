"""Makes the reference sources, which have no people: regions, weather and stores."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from pipelines.simulate.records import Records
from pipelines.simulate.weather import draw_weather
from pipelines.simulate.world import STORE_OFFSET, World


def draw_references(regions: pd.DataFrame, rng: np.random.Generator) -> Iterator[Records]:
    """Yield regions and weather, which all replicas share."""
    columns = ["dong_code", "sido", "sigungu", "dong", "latitude", "longitude", "is_urban"]
    yield Records("region", regions[columns], "dong_code")
    yield Records("weather", draw_weather(rng), "observed_on")


def store_records(world: World) -> Records:
    """Return one row per store of a replica."""
    frame = world.stores.drop(columns="place")
    frame.insert(0, "store_id", world.market.store_id + world.replica * STORE_OFFSET)
    return Records("store", frame, "store_id")
