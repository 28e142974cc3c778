"""Judges the campaigns that were run: what they changed in the spend of those who received them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from features.insight.event.uplift import FEWEST, UpliftReport, estimate_uplift

WINDOW_DAYS = 28
"""Length of the outcome, of the placebo and of each measured period: four weeks, so that weekdays weigh the same."""
_PERIODS = 3


@dataclass(frozen=True)
class CampaignUplift:
    """The effect of a campaign on the spend of its first WINDOW_DAYS days."""

    campaign_id: str
    start: date
    report: UpliftReport


def campaign_uplifts(
    orders: pd.DataFrame, received: pd.DataFrame, runs: pd.DataFrame, seed: int = 0
) -> tuple[CampaignUplift, ...]:
    """Return the effect of each campaign that can be judged, by its start.

    A campaign is judged if FEWEST customers received it and FEWEST did not, and if the orders cover its first
    WINDOW_DAYS days and the four periods before. Customers who ordered in the measured periods take part.

    Args:
        orders: customer_id, order_date and sales_value; one row an order. Only customers who permit it.
        received: customer_id and campaign_id.
        runs: campaign_id and start_date.
        seed: of the estimate.
    """
    if orders.empty or runs.empty:
        return ()
    days = pd.to_datetime(orders["order_date"])
    known = orders.assign(day=days, sales_value=orders["sales_value"].astype(float))
    first, last = days.min(), days.max()
    found = []
    in_turn = runs.sort_values(["start_date", "campaign_id"])
    for campaign, start in zip(in_turn["campaign_id"], pd.to_datetime(in_turn["start_date"]), strict=True):
        begins = start - timedelta((_PERIODS + 1) * WINDOW_DAYS)
        if begins < first or start + timedelta(WINDOW_DAYS - 1) > last:
            continue
        mine = received.loc[received["campaign_id"] == campaign, "customer_id"]
        frame = campaign_frame(known, start)
        treated = frame.index.isin(mine)
        if min(treated.sum(), (~treated).sum()) < FEWEST:
            continue
        measures = frame.drop(columns=["outcome", "placebo"]).to_numpy(float)
        report = estimate_uplift(measures, treated, frame["outcome"].to_numpy(), frame["placebo"].to_numpy(), seed)
        found.append(CampaignUplift(str(campaign), start.date(), report))
    return tuple(found)


def campaign_frame(orders: pd.DataFrame, start: pd.Timestamp) -> pd.DataFrame:
    """Return spend before and after the start of a campaign, by customer, for all who ordered in the measured periods.

    Columns: spend_1 to spend_3 and orders_1 to orders_3 (periods of WINDOW_DAYS, 1 the last before the placebo),
    recency (days from the last order to the placebo), placebo (spend in the WINDOW_DAYS days before the start) and
    outcome (spend in those from the start on).

    Args:
        orders: customer_id, day (timestamp) and sales_value (float).
        start: first day of the campaign.
    """
    period = (orders["day"] - start).dt.days // WINDOW_DAYS
    before = orders[period.between(-_PERIODS - 1, -2)]
    index = pd.Index(np.sort(before["customer_id"].unique()), name="customer_id")
    grouped = orders.groupby(["customer_id", period])["sales_value"]
    by_period = {name: grouped.agg(name).unstack(fill_value=0) for name in ("sum", "count")}

    def of(number: int, measure: str) -> pd.Series:
        return by_period[measure].get(number, pd.Series(dtype=float)).reindex(index, fill_value=0.0)

    since = start - timedelta(WINDOW_DAYS)
    columns = {
        **{f"spend_{n}": of(-1 - n, "sum") for n in range(1, _PERIODS + 1)},
        **{f"orders_{n}": of(-1 - n, "count") for n in range(1, _PERIODS + 1)},
        "recency": (since - before.groupby("customer_id")["day"].max().reindex(index)).dt.days,
        "placebo": of(-1, "sum"),
        "outcome": of(0, "sum"),
    }
    return pd.DataFrame(columns).astype(float)
