"""Draws the regions: administrative dongs with real names and approximate coordinates near their district's centre."""

import numpy as np
import pandas as pd

from pipelines.simulate.random_stream import Ints, pick
from pipelines.simulate.text import label, load_table

_SPREAD_DEGREES = 0.015  # dongs of a district lie within about two kilometres of its centre
_NEAR_SHARE = 0.97  # Households buy groceries every week, so most live near their main store.


def draw_regions(rng: np.random.Generator) -> pd.DataFrame:
    """Return one row per dong with its district, coordinates (degrees), codes and weight.

    `weight` is the population of the district in thousands. `district` is the number of the district; the dongs of a
    district are adjacent rows. The ten-digit codes are invented; they are not those of the Ministry of the Interior
    and Safety.
    """
    districts = load_table("district")
    names = [text.split("|") for text in districts["dongs"]]
    district = np.repeat(np.arange(len(districts)), [len(dongs) for dongs in names])
    dongs = districts.iloc[district].reset_index(drop=True).drop(columns="dongs")
    dongs["district"] = district
    dongs["dong"] = [name for dongs_of in names for name in dongs_of]
    dongs["latitude"] = (dongs["latitude"] + rng.normal(0, _SPREAD_DEGREES, len(dongs))).round(5)
    dongs["longitude"] = (dongs["longitude"] + rng.normal(0, _SPREAD_DEGREES, len(dongs))).round(5)
    dongs["is_urban"] = dongs["dong"].str.endswith("동")
    province = pd.factorize(dongs["sido"])[0] + 11
    dongs["dong_code"] = label("", province * 100_000_000 + (district + 1) * 100_000 + np.arange(len(dongs)), 10)
    dongs["postal_code"] = label("", 3000 + np.arange(len(dongs)) * 217, 5)
    return dongs


def draw_dong(rng: np.random.Generator, regions: pd.DataFrame, near: Ints | None, size: int) -> Ints:
    """Draw positions of dongs, by population. With `near`, almost all are in the district of that dong."""
    first = np.flatnonzero(~regions["district"].duplicated())
    district = pick(rng, regions["weight"].to_numpy(dtype=float)[first], size)
    if near is not None:
        district = np.where(rng.random(size) < _NEAR_SHARE, regions["district"].to_numpy()[near], district)
    count = np.bincount(regions["district"])
    return np.asarray(first[district] + np.floor(rng.random(size) * count[district]).astype(int))
