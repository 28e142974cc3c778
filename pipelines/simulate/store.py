"""Draws the stores of the chain: the real store numbers with invented names and places."""

import numpy as np
import pandas as pd

from pipelines.simulate.market import Market
from pipelines.simulate.random_stream import between, chance, choose
from pipelines.simulate.region import draw_dong
from pipelines.simulate.text import day_text, only


def draw_stores(market: Market, regions: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return one row per store, in the market's order; `place` is a position in `regions`."""
    size = len(market.store_id)
    place = draw_dong(rng, regions, None, size)
    at = regions.iloc[place].reset_index(drop=True)
    kind = choose(rng, ["hypermarket", "supermarket", "express"], [1, 4, 3], size)
    village = at["dong"].str.rstrip("동읍면").str.rstrip("0123456789")
    opened = between(rng, np.datetime64("1988-01-01"), 27 * 365 * 86_400, size)
    brand = pd.Series(kind).map(
        {"hypermarket": "보자기마트 ", "supermarket": "보자기슈퍼 ", "express": "보자기익스프레스 "}
    )
    return pd.DataFrame(
        {
            "place": place,
            "store_name": brand + village + "점",
            "store_type": kind,
            "sido": at["sido"],
            "sigungu": at["sigungu"],
            "dong": at["dong"],
            "latitude": (at["latitude"] + rng.normal(0, 0.003, size)).round(5),
            "longitude": (at["longitude"] + rng.normal(0, 0.003, size)).round(5),
            "opened_on": only(day_text(opened), ~chance(rng, 0.02, size)),
            "has_parking": chance(rng, 0.7, size),
        }
    )
