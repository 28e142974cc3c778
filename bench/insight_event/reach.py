"""Measures best contacts out of time: the channel and the hour of each customer's next activity."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from bench.claim import Claim
from bench.insight_event.interval import interval, share
from bench.insight_event.market import FIT_END
from features.insight.event.contact import CHANNELS, HOURS, WINDOW_DAYS, contact
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse

_HOURS_APART = 1


def measure(lakehouse: SparkLakehouse) -> None:
    """Print hit rates of the next activity after FIT_END: ours, the habit of all, and each customer's mode."""
    events = lakehouse.read("silver/touchpoint_event").where("customer_id is not null")
    rows = events.where(events["channel"].isin(*CHANNELS)).select("customer_id", "event_at", "channel").toPandas()
    rows["hour"] = rows["event_at"].dt.hour
    best = contact(events, (FIT_END,)).toPandas().set_index("customer_id")
    end = pd.Timestamp(FIT_END) + pd.Timedelta(days=1)
    past = rows[(rows["event_at"] < end) & (rows["event_at"] >= end - pd.Timedelta(days=WINDOW_DAYS))]
    after = rows[rows["event_at"] >= end].sort_values(["event_at", "channel"])
    by_day = after[after["hour"].isin(list(HOURS))]
    _judge("channel", best["best_channel"], past, after, lambda ours, true: ours == true)
    inside = past[past["hour"].isin(list(HOURS))]
    _judge("hour", best["best_hour"], inside, by_day, lambda ours, true: (ours - true).abs() <= _HOURS_APART)


def _judge(
    what: str, ours: pd.Series, past: pd.DataFrame, after: pd.DataFrame,
    hits: Callable[[pd.Series, pd.Series], pd.Series],
) -> None:  # fmt: skip
    truth = after.groupby("customer_id")[what].first()
    truth = truth[truth.index.isin(ours.index)]
    of_all = past.drop_duplicates(["customer_id", what, "event_at"])[what].mode().iloc[0]
    modes = past.groupby("customer_id")[what].agg(lambda values: values.mode().iloc[0])
    rules = {
        "ours": ours.reindex(truth.index),
        "habit of all": pd.Series(of_all, truth.index),
        "own most frequent": modes.reindex(truth.index).fillna(of_all),
    }
    found = {name: hits(values.astype(truth.dtype), truth).to_numpy(float) for name, values in rules.items()}
    print(f"{what} of the next activity after {FIT_END}: " + "; ".join(f"{n} {share(v)}" for n, v in found.items()))
    for other in ("habit of all", "own most frequent"):
        low, high = interval(found["ours"] - found[other])
        print(f"  ours minus {other}: {np.mean(found['ours'] - found[other]):+.3f} [{low:+.3f}, {high:+.3f}]")
    Claim(f"next {what} missed", float(1 - found["ours"].mean()), "share", float(1 - found["habit of all"].mean()),
          "habit of all", bar=1.0, on_ratio=True).print_json()  # fmt: skip
