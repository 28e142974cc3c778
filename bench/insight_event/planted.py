"""Plants births and diets in real shopping, and measures how many the transform finds.

The simulator draws births and diets apart from the baskets, which are real. So no rule can find its births in
purchases, and this bench shows that: the share found is the same with and without a true birth. The planted events
have the purchase rates of real buyers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from bench.claim import Claim
from bench.insight_event.interval import share
from bench.insight_event.market import AS_OF, true_people
from features.insight.event.special_event import BIRTH, CONFIRMED_PURCHASES, GROUPS, PURPOSE, special_event
from installation.installation import Installation
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse

MOST_WRONG, MOST_MISSED = 0.1, 0.5
_GIFT = 0.3
"""Share of the customers without an event who buy such goods once."""
_EARLIEST, _DAYS = np.datetime64("2017-07-10"), 110
_TEXTS = ("record_id", "subject_id", "customer_id", "purpose", "data_categories", "state", "supersedes")
_CONSENT = ", ".join([f"{name} string" for name in _TEXTS] + ["effective_at timestamp_ntz, recorded_at timestamp_ntz"])
_LINE = "customer_id string, product_id bigint, order_date date"


@dataclass(frozen=True)
class _Planting:
    """The customers who never bought the goods, who of them gets the event, and what is added to their lines."""

    customers: npt.NDArray[np.object_]
    has_event: npt.NDArray[np.bool_]
    lines: pd.DataFrame
    added: pd.DataFrame


def measure(installation: Installation, lakehouse: SparkLakehouse) -> None:
    """Print precision and recall of planted births and of a planted diet, and what the simulator's births show."""
    lines = lakehouse.read("silver/order_line").select("customer_id", "product_id", "order_date").toPandas().dropna()
    lines["order_date"] = pd.to_datetime(lines["order_date"])
    words = lakehouse.read("silver/product").select("product_id", "product_category", "product_type").toPandas()
    text = words["product_category"].fillna("").str.cat(words["product_type"].fillna(""), sep=" ").str.upper()
    for group, condition in ((BIRTH, "birth_by is not null"), ("plant_based", "diet = 'plant_based'")):
        goods = words["product_id"][text.str.contains(GROUPS[group].replace("(", "(?:"))]
        _judge(lakehouse, _plant(lines, goods), group, condition)
    _of_the_simulator(installation, lakehouse, lines)


def _plant(lines: pd.DataFrame, goods: pd.Series) -> _Planting:
    rng = np.random.default_rng(24)
    bought = lines[lines["product_id"].isin(goods)].groupby("customer_id")["order_date"].nunique()
    shopped = lines.groupby("customer_id")["order_date"].nunique()
    regular = bought[bought > CONFIRMED_PURCHASES]
    rates = (regular / shopped.reindex(regular.index)).to_numpy()
    quiet = lines[~lines["customer_id"].isin(bought.index)]
    customers = np.sort(quiet["customer_id"].unique())
    has_event = rng.random(len(customers)) < 0.5
    days = quiet.drop_duplicates(["customer_id", "order_date"]).sort_values("order_date").groupby("customer_id")

    def purchases() -> Iterator[tuple[str, int, pd.Timestamp]]:
        for customer, event in zip(customers, has_event, strict=True):
            began = _EARLIEST + np.timedelta64(rng.integers(_DAYS), "D")
            later = [day for day in days.get_group(customer)["order_date"] if day >= began]
            some = [day for day in later if rng.random() < rng.choice(rates)]
            once = later[:1] if rng.random() < _GIFT else []
            yield from ((customer, int(goods.iloc[0]), day) for day in (some if event else once))

    return _Planting(customers, has_event, quiet, pd.DataFrame(list(purchases()), columns=list(quiet.columns)))


def _judge(lakehouse: SparkLakehouse, planting: _Planting, group: str, condition: str) -> None:
    found = _customers_with(lakehouse, pd.concat([planting.lines, planting.added]), condition)
    is_found = np.isin(planting.customers, found)
    times = planting.added.groupby("customer_id")["order_date"].nunique()
    buys = np.isin(planting.customers, times.index[times >= CONFIRMED_PURCHASES]) & planting.has_event
    print(f"{group}: planted with {planting.has_event.sum():,} of {len(is_found):,} customers")
    print(f"  found {is_found.sum():,}; precision {share(planting.has_event[is_found])}")
    print(f"  recall {share(is_found[planting.has_event])}; of those with {CONFIRMED_PURCHASES} days or more "
          f"{share(is_found[buys])}")  # fmt: skip
    wrong, missed = 1 - planting.has_event[is_found].mean(), 1 - is_found[buys].mean()
    Claim(f"{group}: found but not planted", float(wrong), "share", bar=MOST_WRONG).print_json()
    Claim(f"{group}: planted but missed", float(missed), "share", bar=MOST_MISSED).print_json()


def _of_the_simulator(installation: Installation, lakehouse: SparkLakehouse, lines: pd.DataFrame) -> None:
    people = pq.read_table(installation.settings.truth_dir / "person.parquet").to_pandas()
    born = people[people["birth_date"].between("2017-01-01", "2017-12-31")]["household_id"]
    principals = true_people(installation).query("is_principal")
    is_found = principals["customer_id"].isin(_customers_with(lakehouse, lines, "birth_by is not null"))
    has_child = principals["household_id"].isin(born)
    print(f"births of the simulator: found where there is one {share(is_found[has_child])}, "
          f"and where there is none {share(is_found[~has_child])}")  # fmt: skip


def _customers_with(lakehouse: SparkLakehouse, lines: pd.DataFrame, condition: str) -> list[str]:
    """Return the customers with an event of the condition; every customer's consent is taken to cover health."""
    spark, at = lakehouse.spark, datetime(2016, 1, 1)
    consents = [(f"r_{c}", c, c, PURPOSE, "pd:Health", "given", None, at, at) for c in lines["customer_id"].unique()]
    bought = lines.assign(product_id=lines["product_id"].astype(int), order_date=lines["order_date"].dt.date)
    events = special_event(
        spark.createDataFrame(bought, _LINE),
        lakehouse.read("silver/product"),
        spark.createDataFrame(consents, _CONSENT),
        (AS_OF,),
    )
    return list(events.where(condition).toPandas()["customer_id"])
