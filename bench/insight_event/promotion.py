"""Measures the effect of promotions: simulated campaigns with a known effect, and those of the Complete Journey.

A simulated campaign is run on real households: their measures and their spend are real, and those who get it are drawn
with a probability that grows with their spend. A known amount is added to the spend of each of them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata, spearmanr

from bench.claim import Claim
from features.insight.event.campaign import campaign_frame, campaign_uplifts
from features.insight.event.uplift import UpliftReport, estimate_uplift
from pipelines.simulate.market import package_file, to_wall_time

_STARTS = ("2017-06-05", "2017-07-03", "2017-08-07", "2017-09-04", "2017-10-02", "2017-11-06")
_MEAN_EFFECTS = (0.0, 20.0, 40.0)
"""In dollars over four weeks, in which a household spends about 140. The claims are about none and the largest."""


def measure(*, quick: bool) -> None:
    """Print coverage, bias and ranking with known effects, and the verdict on each real campaign."""
    orders = _orders()
    starts = _STARTS[:2] if quick else _STARTS
    draws = 1 if quick else 4
    _simulated(orders, starts, draws)
    received = _package("campaigns").astype({"household_id": str, "campaign_id": str})
    runs = _package("campaign_descriptions").astype({"campaign_id": str})
    judged = campaign_uplifts(orders, received.rename(columns={"household_id": "customer_id"}), runs)
    for one in judged:
        print(f"campaign {one.campaign_id} from {one.start}: {one.report.verdict}")
    effects = np.array([[abs(one.report.effect.mean), abs(one.report.placebo.mean)] for one in judged])
    print(f"Complete Journey: {sum(one.report.is_identified for one in judged)} of {len(judged)} campaigns identified; "
          f"mean size of effect {effects[:, 0].mean():.2f}, of placebo {effects[:, 1].mean():.2f}")  # fmt: skip


def _simulated(orders: pd.DataFrame, starts: tuple[str, ...], draws: int) -> None:
    known = orders.assign(day=pd.to_datetime(orders["order_date"]))
    reports: dict[float, list[tuple[UpliftReport, float, float, float]]] = {mean: [] for mean in _MEAN_EFFECTS}
    for mean in reports:
        for start in starts:
            frame = campaign_frame(known, pd.Timestamp(start))
            reports[mean] += [_one(frame, mean, seed) for seed in range(draws)]
    for mean, found in reports.items():
        covered = np.mean([one.effect.low <= truth <= one.effect.high for one, truth, _, _ in found])
        ours = np.mean([abs(one.effect.mean - truth) for one, truth, _, _ in found])
        naive = np.mean([abs(simple - truth) for _, truth, simple, _ in found])
        said = np.mean([one.is_identified for one, _, _, _ in found])
        print(f"simulated campaigns with a mean effect of {mean:g}: {len(found)} runs, the interval has the "
              f"truth in {covered:.0%}, mean error {ours:.2f} (plain {naive:.2f}), identified {said:.0%}")  # fmt: skip
        if mean:
            ranks = [rank for *_, rank in found]
            print(f"  rank correlation of predicted and true effect {np.mean(ranks):.3f}, least {np.min(ranks):.3f}")
            name = f"error of a mean effect of {mean:g}"
            Claim(name, float(ours), "$", float(naive), "plain difference", bar=0.5, on_ratio=True).print_json()
        if mean == max(_MEAN_EFFECTS):
            Claim(f"effects of {mean:g} not identified", 1 - float(said), "share", bar=0.25).print_json()
        if not mean:
            Claim("no effect, yet identified", float(said), "share", bar=0.05).print_json()


def _one(frame: pd.DataFrame, mean: float, seed: int) -> tuple[UpliftReport, float, float, float]:
    """Return the report, the true mean effect, the plain difference of means and the rank correlation."""
    rng = np.random.default_rng([24, seed])
    spend = _rank(frame["spend_1"])
    treated = rng.random(len(frame)) < 0.1 + 0.6 * spend
    effect = mean * (0.2 + 1.6 * _rank(frame["orders_1"] - frame["orders_3"]))
    outcome = frame["outcome"].to_numpy() + treated * effect
    measures = frame.drop(columns=["outcome", "placebo"]).to_numpy()
    report = estimate_uplift(measures, treated, outcome, frame["placebo"].to_numpy(), seed)
    plain = float(outcome[treated].mean() - outcome[~treated].mean())
    rank = float(spearmanr(report.uplift, effect).statistic) if mean else 0.0
    return report, float(effect.mean()), plain, rank


def _rank(values: pd.Series) -> np.ndarray:
    """Return the rank of each value, from 0 to 1."""
    return np.asarray((rankdata(values) - 0.5) / len(values))


def _orders() -> pd.DataFrame:
    lines = _package("transactions")[["household_id", "basket_id", "transaction_timestamp", "sales_value"]]
    baskets = lines.groupby("basket_id").agg(
        customer_id=("household_id", "first"), at=("transaction_timestamp", "first"), sales_value=("sales_value", "sum")
    )
    days = pd.Series(to_wall_time(baskets["at"].to_numpy()), baskets.index).dt.normalize()
    return baskets.assign(order_date=days, customer_id=baskets["customer_id"].astype(str)).drop(columns="at")


def _package(name: str) -> pd.DataFrame:
    return pd.read_parquet(package_file(name))
