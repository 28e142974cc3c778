"""Predicts purchases of CDNOW's 2,357 customers (the 1/10 sample), beside BG/NBD.

Customers bought first in the first quarter of 1997. Models see the purchases up to 1997-09-30 (39 weeks), and predict
the number of days with a purchase in the 39 weeks after it. `lifetimes` is used for its data only; BG/NBD is that of
pymc-marketing.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as F

from bench.claim import Claim
from bench.peer_environment import python_with
from features.insight.model import evaluation
from features.insight.model.additive import Floats
from features.insight.model.fitting import fit
from features.insight.model.matrix import numbers
from features.insight.model.measure_name import MEASURES
from features.insight.model.score_input import customer_score_input
from features.insight.model.scoring import score
from features.insight.model.target import Target
from installation.settings import load_settings
from pipelines.engine.session import Engine, open_engine

ENVIRONMENT = Path(__file__).parents[1] / "results" / "lifetime-value"
PACKAGES = ("lifetimes==0.11.3", "pymc-marketing==0.19.2")
FIRST_QUARTER_END, FIT_DAY = date(1997, 3, 31), date(1997, 6, 30)
LAST_DAY = date(1997, 9, 30)
"""Last day that the models see: the end of the calibration period in the literature."""
END = date(1998, 6, 30)
HORIZON_DAYS = 92
_KEYS = ["customer_id", "as_of"]
_MONEY = ("sales_value", "list_value", "retail_discount", "coupon_discount", "coupon_match_discount")


@dataclass(frozen=True)
class Cdnow:
    """Score input of FIT_DAY and LAST_DAY with counts as labels, the truth by customer, and purchases to LAST_DAY."""

    rows: pa.Table
    truth: Floats
    purchases: pd.DataFrame


def measure() -> Iterator[Claim]:
    """Yield correlation and error of our model and of BG/NBD on the 39 weeks that neither has seen."""
    python = python_with(ENVIRONMENT, PACKAGES)
    data = read_cdnow(ENVIRONMENT)
    ours, theirs = _predict(data), _predict_by_peer(python, data)
    measures = (("1 − Pearson", evaluation.correlation, True), ("1 − Spearman", evaluation.rank_correlation, True),
                ("mean absolute error", evaluation.mean_absolute_error, False))  # fmt: skip
    for name, function, higher in measures:
        found = evaluation.compare(name, function, ours, theirs, data.truth, higher=higher, seed=0)
        if found is None:
            raise ValueError(f"{name} of CDNOW is not defined: predictions or purchases do not vary")
        values = (found.value, found.baseline, found.low, found.high)
        mine, other, low, high = (1 - one for one in values) if higher else values
        spread = (min(low, high), max(low, high))
        yield Claim(f"CDNOW: {name}", mine, "", other, "BG/NBD", 1.0, 1, spread, on_ratio=True)


def read_cdnow(environment: Path) -> Cdnow:
    """Return the data of the package `lifetimes` in a virtual environment."""
    (file,) = environment.glob("lib/python*/site-packages/lifetimes/datasets/CDNOW_sample.txt")
    read = pd.read_csv(file, sep=r"\s+", names=["_", "customer_id", "day", "discs", "paid"], dtype={"customer_id": str})
    read["day"] = pd.to_datetime(read["day"].astype(str)).dt.date
    purchases = read.groupby(["customer_id", "day"], as_index=False)[["discs", "paid"]].sum()
    seen = purchases[purchases["day"] <= LAST_DAY]
    after = purchases[(purchases["day"] > LAST_DAY) & (purchases["day"] <= END)].groupby("customer_id").size()
    truth = after.reindex(sorted(seen["customer_id"].unique()), fill_value=0)
    with (
        tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder,
        open_engine(load_settings(engine="sail", data_dir=Path(folder))) as engine,
    ):
        values = _input(engine, seen, seen["paid"]).drop(columns="spend_next")
        counts = _input(engine, seen, pd.Series(1.0, index=seen.index))[[*_KEYS, "spend_next"]]
    rows = values.merge(counts, on=_KEYS)[[*_KEYS, "spend_next", *MEASURES]].sort_values(_KEYS)
    return Cdnow(pa.Table.from_pandas(rows, preserve_index=False), np.asarray(truth, dtype=np.float64), seen)


def _input(engine: Engine, purchases: pd.DataFrame, paid: pd.Series[float]) -> pd.DataFrame:
    lines = pd.DataFrame({
        "order_id": np.arange(len(purchases)), "customer_id": purchases["customer_id"],
        "ordered_at": pd.to_datetime(purchases["day"]), "order_date": purchases["day"], "store_id": 1,
        "quantity": purchases["discs"].clip(lower=1), "sales_value": paid, "list_value": paid, "retail_discount": 0.0,
        "coupon_discount": 0.0, "coupon_match_discount": 0.0, "product_category": "disc", "brand_type": "National",
        "is_merchandise": True,
    })  # fmt: skip
    frame = engine.spark.createDataFrame(lines)
    frame = frame.withColumns({name: F.col(name).cast("decimal(12,2)") for name in _MONEY})
    return customer_score_input(frame, (FIT_DAY, LAST_DAY), horizon_days=HORIZON_DAYS).toPandas()


def _predict(data: Cdnow) -> Floats:
    """Return expected purchases: those of a quarter by the model, times the decline over three quarters.

    The model is fitted on the third quarter and made to agree with its total, because BG/NBD predicts means. Purchases
    decline from quarter to quarter as from the second to the third.
    """
    before, now = (data.rows.filter(pc.equal(data.rows["as_of"], day)) for day in (FIT_DAY, LAST_DAY))
    model = fit(Target.SPEND, before, data_version="cdnow", fitted_on=LAST_DAY, horizon_days=HORIZON_DAYS)
    level = numbers(before, "spend_next").sum() / np.asarray(score(model, before)).sum()
    bought = data.purchases["day"]
    decline = (bought > FIT_DAY).sum() / ((bought > FIRST_QUARTER_END) & (bought <= FIT_DAY)).sum()
    return np.asarray(np.asarray(score(model, now)) * level * (1 + decline + decline**2))


def _predict_by_peer(python: Path, data: Cdnow) -> Floats:
    days = pd.to_datetime(data.purchases["day"]).groupby(data.purchases["customer_id"]).agg(["min", "max", "count"])
    given = {
        "customer_id": list(days.index),
        "frequency": (days["count"] - 1).tolist(),
        "recency": ((days["max"] - days["min"]).dt.days / 7).tolist(),
        "T": ((pd.Timestamp(LAST_DAY) - days["min"]).dt.days / 7).tolist(),
        "weeks": 39,
    }
    command = [str(python), str(Path(__file__).with_name("bgnbd_peer.py"))]
    done = subprocess.run(command, input=json.dumps(given), stdout=subprocess.PIPE, text=True, check=True)
    return np.array(json.loads(done.stdout[done.stdout.index("[") :]))
