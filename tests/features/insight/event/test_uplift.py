"""Known effects are recovered and ranked; a hidden cause makes the report say that nothing is identified."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from features.insight.event.campaign import WINDOW_DAYS, campaign_frame, campaign_uplifts
from features.insight.event.uplift import estimate_uplift

SIZE = 4000


def market(seed: int, effect: float = 5.0, hidden: float = 0.0) -> tuple[np.ndarray, ...]:
    """Measures, treatment, outcome, placebo and true effects; `hidden` weighs a cause that no measure shows."""
    rng = np.random.default_rng(seed)
    measures = rng.normal(size=(SIZE, 3))
    taste = rng.normal(size=SIZE)
    treated = rng.random(SIZE) < 1 / (1 + np.exp(-(measures[:, 0] + hidden * taste)))
    truth = effect * (1 + 0.8 * measures[:, 1])
    spend = 40 + 10 * measures[:, 0] + 5 * measures[:, 2] ** 2 + 10 * hidden * taste
    placebo, outcome = (spend + rng.normal(0, 8, SIZE) for _ in range(2))
    return measures, treated, outcome + treated * truth, placebo, truth


@pytest.mark.parametrize("seed", [1, 2])
def test_a_known_effect_is_recovered_although_good_customers_get_the_promotion(seed: int) -> None:
    measures, treated, outcome, placebo, truth = market(seed)
    report = estimate_uplift(measures, treated, outcome, placebo)
    naive = outcome[treated].mean() - outcome[~treated].mean()
    assert report.effect.low <= truth.mean() <= report.effect.high
    assert naive > report.effect.high  # the control: without correction the effect is overstated
    assert report.is_identified
    assert report.verdict.startswith("identified: effect +")
    assert spearmanr(report.uplift, truth).statistic > 0.8


def test_no_effect_is_not_identified() -> None:
    measures, treated, outcome, placebo, _ = market(3, effect=0.0)
    assert not estimate_uplift(measures, treated, outcome, placebo).is_identified


def test_a_hidden_cause_is_seen_in_the_placebo() -> None:
    measures, treated, outcome, placebo, _ = market(4, hidden=1.0)
    report = estimate_uplift(measures, treated, outcome, placebo)
    assert report.effect.excludes_zero  # what the estimate alone would have claimed
    assert not report.is_identified
    assert report.verdict.startswith("not identified")


def test_the_same_seed_gives_the_same_report() -> None:
    measures, treated, outcome, placebo, _ = market(5)
    first, second = (estimate_uplift(measures, treated, outcome, placebo, seed=1) for _ in range(2))
    assert np.array_equal(first.uplift, second.uplift)


def test_too_few_customers_with_the_promotion_are_refused() -> None:
    measures, treated, outcome, placebo, _ = market(6)
    treated[:] = False
    treated[:9] = True
    with pytest.raises(ValueError, match="got 9 customers with and 3991 without"):
        estimate_uplift(measures, treated, outcome, placebo)


def orders(seed: int, lifted: frozenset[str]) -> pd.DataFrame:
    """Two orders a month of 300 customers over 200 days; the lifted ones spend 15 more from day 150 on."""
    rng, rows = np.random.default_rng(seed), []
    for number in range(300):
        customer, usual = f"c_{number}", rng.uniform(20, 60)
        for day in rng.integers(0, 200, 14):
            extra = 15.0 if customer in lifted and day >= 150 else 0.0
            rows.append((customer, pd.Timestamp(2017, 1, 1) + pd.Timedelta(days=int(day)), usual + extra))
    return pd.DataFrame(rows, columns=["customer_id", "order_date", "sales_value"])


def test_campaigns_are_judged_by_their_start_and_only_where_the_orders_cover_them() -> None:
    lifted = frozenset(f"c_{number}" for number in range(0, 300, 2))
    start = pd.Timestamp(2017, 1, 1) + pd.Timedelta(days=150)
    starts = {"late": 40, "good": 0, "early": -140, "small": 0}
    runs = pd.DataFrame([(name, start + pd.Timedelta(days=days)) for name, days in starts.items()],
                        columns=["campaign_id", "start_date"])  # fmt: skip
    received = pd.DataFrame([(c, n) for n in ("late", "good", "early") for c in sorted(lifted)] + [("c_0", "small")],
                            columns=["customer_id", "campaign_id"])  # fmt: skip
    (judged,) = campaign_uplifts(orders(1, lifted), received, runs)
    assert (judged.campaign_id, judged.start) == ("good", start.date())
    assert judged.report.effect.mean > 10
    assert not judged.report.placebo.excludes_zero


def test_no_order_of_the_placebo_or_the_campaign_is_a_measure() -> None:
    made = orders(2, frozenset()).rename(columns={"order_date": "day"})
    start = pd.Timestamp(2017, 6, 1)
    cut = start - pd.Timedelta(days=WINDOW_DAYS)
    whole = campaign_frame(made, start)
    measured = whole.drop(columns=["outcome", "placebo"])
    pd.testing.assert_frame_equal(measured, campaign_frame(made[made["day"] < cut], start)[measured.columns])
    for name, low, high in (("placebo", cut, start), ("outcome", start, start + pd.Timedelta(days=WINDOW_DAYS))):
        expected = made[(made["day"] >= low) & (made["day"] < high)].groupby("customer_id")["sales_value"].sum()
        pd.testing.assert_series_equal(whole[name], expected.reindex(whole.index, fill_value=0.0), check_names=False)


def test_without_orders_or_campaigns_nothing_is_judged() -> None:
    made = orders(3, frozenset())
    runs = pd.DataFrame({"campaign_id": ["one"], "start_date": [pd.Timestamp(2017, 5, 31)]})
    received = pd.DataFrame({"customer_id": ["c_0"], "campaign_id": ["one"]})
    assert campaign_uplifts(made.iloc[:0], received, runs) == ()
    assert campaign_uplifts(made, received, runs.iloc[:0]) == ()
    assert campaign_uplifts(made, received.iloc[:0], runs) == ()
