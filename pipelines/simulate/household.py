"""Draws the household of each loyalty account: size, ages and home, by the known demographics."""

import numpy as np
import pandas as pd

from pipelines.simulate.market import Market
from pipelines.simulate.random_stream import Ints, between, chance
from pipelines.simulate.region import draw_dong

_AGE_BANDS = {
    "19-24": (19, 24),
    "25-34": (25, 34),
    "35-44": (35, 44),
    "45-54": (45, 54),
    "55-64": (55, 64),
    "65+": (65, 84),
}
_KOREAN_SHARE = 0.86
_MOVING_SHARE = 0.07  # share of households that moved during the year


def draw_households(market: Market, regions: pd.DataFrame, store_dong: Ints, rng: np.random.Generator) -> pd.DataFrame:
    """Return one row per household, in the market's order.

    Columns: household, age_low and age_high (age band of the head), adults, kids, is_married, is_korean, dong,
    new_dong, moved_on. A household without demographics takes those of a random household that has them. `dong` and
    `new_dong` are positions in `regions`. `moved_on` is NaT for a household that did not move.
    """
    size = len(market.household_id)
    known = market.demographics.reindex(market.household_id)
    donor = market.demographics.iloc[rng.integers(0, len(market.demographics), size)]
    donor.index = known.index
    facts = known.where(known["age"].notna(), donor)
    bands = np.array([_AGE_BANDS[age] for age in facts["age"]])
    adults = facts["household_comp"].str[0].astype(int).to_numpy()
    people = facts["household_size"].str[0].astype(int).to_numpy()
    people = people + ((people == 5) & chance(rng, 0.3, size))
    home = draw_dong(rng, regions, store_dong[_main_store(market)], size)
    moved = between(rng, np.datetime64("2017-02-01"), 300 * 86_400, size).astype("datetime64[D]")
    moved[~chance(rng, _MOVING_SHARE, size)] = np.datetime64("NaT")
    return pd.DataFrame(
        {
            "household": np.arange(size),
            "age_low": bands[:, 0],
            "age_high": bands[:, 1],
            "adults": adults,
            "kids": np.maximum(people - adults, 0),
            "is_married": (facts["marital_status"] == "Married").to_numpy() & (adults == 2),
            "is_korean": chance(rng, _KOREAN_SHARE, size),
            "dong": home,
            "new_dong": draw_dong(rng, regions, home, size),
            "moved_on": moved,
        }
    )


def _main_store(market: Market) -> Ints:
    """Return the position of the store in which each household bought most baskets."""
    stores = len(market.store_id)
    visits = np.bincount(
        market.basket_household * stores + market.basket_store, minlength=len(market.household_id) * stores
    )
    return np.asarray(visits.reshape(-1, stores).argmax(axis=1))
