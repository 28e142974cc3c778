"""Plants births and diets in real shopping, and measures how many the transform finds.

The simulator draws births and diets apart from the baskets, which are real. So its truth cannot be found in purchases by
any rule, and this bench shows that: the share found is the same with and without a true event. The planted events have
the purchase rates of real buyers.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from pyspark.sql import DataFrame

from bench.claim import Claim
from bench.insight_event.interval import share
from bench.insight_event.market import AS_OF, true_people
from features.insight.event.special_event import BIRTH, GROUPS, special_event
from installation.installation import Installation
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse

LEAST_PRECISION, LEAST_RECALL = 0.9, 0.5
_GIFT = 0.3
"""Share of the customers without an event who buy such goods once."""
_SEED = 24


def measure(installation: Installation, lakehouse: SparkLakehouse) -> None:
    """Print precision and recall of planted births and of a planted diet, and the lift of the simulator's births."""
    lines = lakehouse.read("silver/order_line").select("customer_id", "product_id", "order_date").toPandas().dropna()
    products = lakehouse.read("silver/product")
    words = products.select("product_id", "product_category", "product_type").toPandas().fillna("")
    for group, column in ((BIRTH, "birth_by"), ("plant_based", "diet_since")):
        goods = words[(words["product_category"] + " " + words["product_type"]).str.upper().str.contains(
            GROUPS[group].replace("(", "(?:"))]["product_id"]  # fmt: skip
        _planted(lakehouse, lines, products, goods, group, column)
    _of_the_simulator(installation, lakehouse, lines, products)


def _planted(
    lakehouse: SparkLakehouse, lines: pd.DataFrame, products: DataFrame, goods: pd.Series, group: str, column: str
) -> None:
    rng = np.random.default_rng(_SEED)
    is_good = lines["product_id"].isin(goods)
    buyers = lines[is_good].groupby("customer_id")["order_date"].nunique()
    days = lines.drop_duplicates(["customer_id", "order_date"]).groupby("customer_id")["order_date"]
    rates = (buyers[buyers >= 4] / days.count().reindex(buyers.index)).dropna().to_numpy()
    quiet = lines[~lines["customer_id"].isin(buyers.index)]
    customers = np.sort(quiet["customer_id"].unique())
    has_event = rng.random(len(customers)) < 0.5
    began = {c: datetime(2017, 7, 10) + timedelta(int(n)) for c, n in zip(customers, rng.integers(0, 110, len(customers)), strict=True)}  # fmt: skip
    added = list(_purchases(quiet, dict(zip(customers, has_event, strict=True)), began, rates, int(goods.iloc[0]), rng))
    planted = pd.concat([quiet, pd.DataFrame(added, columns=quiet.columns)])
    found = _events(lakehouse, planted, products).dropna(subset=[column])["customer_id"]
    is_found = pd.Series(customers).isin(found).to_numpy()
    buys_again = pd.DataFrame(added, columns=quiet.columns).groupby("customer_id")["order_date"].nunique()
    can_be_found = has_event & pd.Series(customers).isin(buys_again.index[buys_again >= 3]).to_numpy()
    print(
        f"{group}: planted with {has_event.sum():,} of {len(customers):,} customers, at the rates of {len(rates)} buyers"
    )
    print(f"  found {is_found.sum():,}; precision {share(has_event[is_found])}")
    print(f"  recall {share(is_found[has_event])}; of those with three such days {share(is_found[can_be_found])}")
    Claim(f"{group}: found but not planted", 1 - float(has_event[is_found].mean()), "share",
          bar=round(1 - LEAST_PRECISION, 6)).print_json()  # fmt: skip
    Claim(f"{group}: missed of those with three such days", 1 - float(is_found[can_be_found].mean()), "share",
          bar=round(1 - LEAST_RECALL, 6)).print_json()  # fmt: skip


def _purchases(
    lines: pd.DataFrame, has_event: dict[str, bool], began: dict[str, datetime], rates: np.ndarray, product: int,
    rng: np.random.Generator,
) -> Iterator[tuple[str, int, object]]:  # fmt: skip
    """Yield planted lines on shopping days: after an event at the rate of a real buyer, else once at most."""
    for customer, days in lines.groupby("customer_id")["order_date"]:
        later = [day for day in sorted(set(days)) if pd.Timestamp(day) >= began[customer]]
        if has_event[customer]:
            rate = rng.choice(rates)
            chosen = [day for day in later if rng.random() < rate]
        else:
            chosen = later[:1] if rng.random() < _GIFT else []
        yield from ((customer, product, day) for day in chosen)


def _of_the_simulator(
    installation: Installation, lakehouse: SparkLakehouse, lines: pd.DataFrame, products: DataFrame
) -> None:
    people = pq.read_table(installation.settings.truth_dir / "person.parquet").to_pandas()
    born = people[people["birth_date"].between("2017-01-01", "2017-12-31")]["household_id"]
    customers = true_people(installation)
    customers = customers[customers["is_principal"]]
    has_child = customers["household_id"].isin(born)
    is_found = customers["customer_id"].isin(
        _events(lakehouse, lines, products).dropna(subset=["birth_by"])["customer_id"]
    )
    print(
        f"births of the simulator: found with a true birth {share(is_found[has_child])}, without {share(is_found[~has_child])}"
    )


def _events(lakehouse: SparkLakehouse, lines: pd.DataFrame, products: DataFrame) -> pd.DataFrame:
    """Return the events, with every customer's consent taken to cover health."""
    spark = lakehouse.spark
    given = "string, ".join(
        ("record_id", "subject_id", "customer_id", "purpose", "data_categories", "state", "supersedes")
    )
    at = datetime(2016, 1, 1)
    consents = [
        (f"r_{c}", c, c, "sensitive_research", "pd:Health", "given", None, at, at)
        for c in lines["customer_id"].unique()
    ]
    schema = f"{given} string, effective_at timestamp_ntz, recorded_at timestamp_ntz"
    frame = spark.createDataFrame(
        lines.astype({"product_id": "int64"}), "customer_id string, product_id bigint, order_date date"
    )
    return special_event(frame, products, spark.createDataFrame(consents, schema), (AS_OF,)).toPandas()
