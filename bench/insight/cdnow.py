"""Reads CDNOW from the package `lifetimes` and makes the score input of its customers (2,357 of the 1/10 sample).

Customers bought first in the first quarter of 1997. Models see the purchases up to 1997-09-30 (39 weeks), and predict
the number of days with a purchase in the 39 weeks after it.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from features.insight.model.score_input import customer_score_input
from installation.settings import load_settings
from pipelines.engine.session import Engine, open_engine

FIT_DAYS = (date(1997, 4, 30), date(1997, 5, 31), date(1997, 6, 30))
LAST_DAY = date(1997, 9, 30)
"""Last day that the models see: the end of the calibration period in the literature."""
END = date(1998, 6, 30)
HORIZON_DAYS = 92


@dataclass(frozen=True)
class Cdnow:
    """Score input with counts as labels, the truth by customer, and the purchases up to LAST_DAY."""

    rows: pa.Table
    truth: pd.Series[int]
    purchases: pd.DataFrame


def read_cdnow(environment: Path) -> Cdnow:
    """Return the data of the package `lifetimes` in a virtual environment."""
    (file,) = environment.glob("lib/python*/site-packages/lifetimes/datasets/CDNOW_sample.txt")
    read = pd.read_csv(file, sep=r"\s+", names=["_", "customer_id", "day", "discs", "paid"], dtype={"customer_id": str})
    read["day"] = pd.to_datetime(read["day"].astype(str)).dt.date
    purchases = read.groupby(["customer_id", "day"], as_index=False)[["discs", "paid"]].sum()
    seen = purchases[purchases["day"] <= LAST_DAY]
    after = purchases[(purchases["day"] > LAST_DAY) & (purchases["day"] <= END)].groupby("customer_id").size()
    truth = after.reindex(sorted(seen["customer_id"].unique()), fill_value=0)
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder:
        with open_engine(load_settings(engine="sail", data_dir=Path(folder))) as engine:
            values = _input(engine, seen, seen["paid"])
            counts = _input(engine, seen, pd.Series(1.0, index=seen.index))
    labels = counts.set_index(["customer_id", "as_of"])["spend_next"]
    values["spend_next"] = values.set_index(["customer_id", "as_of"]).index.map(labels)
    kept = values.drop(columns=[name for name in values if name.startswith("category_")])
    return Cdnow(pa.Table.from_pandas(kept, preserve_index=False), truth, seen)


def _input(engine: Engine, purchases: pd.DataFrame, paid: pd.Series[float]) -> pd.DataFrame:
    lines = pd.DataFrame({
        "order_id": np.arange(len(purchases)), "customer_id": purchases["customer_id"],
        "ordered_at": pd.to_datetime(purchases["day"]), "order_date": purchases["day"], "store_id": 1,
        "quantity": purchases["discs"].clip(lower=1), "sales_value": paid, "list_value": paid, "retail_discount": 0.0,
        "coupon_discount": 0.0, "coupon_match_discount": 0.0, "product_category": "disc", "brand_type": "National",
        "is_merchandise": True,
    })  # fmt: skip
    money = ", ".join(f"cast({name} AS decimal(12,2)) AS {name}" for name in
                      ("sales_value", "list_value", "retail_discount", "coupon_discount", "coupon_match_discount"))  # fmt: skip
    frame = engine.spark.createDataFrame(lines).selectExpr(
        "order_id", "customer_id", "cast(ordered_at AS timestamp_ntz) AS ordered_at", "order_date", "store_id",
        "quantity", money.replace(", cast", "|cast").split("|")[0], *money.replace(", cast", "|cast").split("|")[1:],
        "product_category", "brand_type", "is_merchandise",
    )  # fmt: skip
    return customer_score_input(frame, (*FIT_DAYS, LAST_DAY), horizon_days=HORIZON_DAYS).toPandas()
