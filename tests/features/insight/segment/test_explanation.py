"""The reasons for a segment are the traits that make its centre nearer than another one."""

from __future__ import annotations

from datetime import date

import numpy as np

from features.insight.segment.explanation import explain_segment, nearest_other
from features.insight.segment.model import SegmentModel, fit
from features.insight.segment.trait import TRAITS

FREQUENT = {
    "order_count": 200, "mean_monthly_spend": 700.0, "mean_basket_value": 40.0, "median_interval_days": 2.0,
    "days_since_last_order": 1, "online_order_share": 0.1, "nps_category": "promoter",
    "age_band": "35-44", "is_urban": True,
    "last_order_on": date(2017, 12, 1),
}  # fmt: skip
RARE = FREQUENT | {
    "order_count": 2, "mean_monthly_spend": 5.0, "mean_basket_value": 9.0, "median_interval_days": 90.0,
    "days_since_last_order": 200,
}  # fmt: skip


def _model() -> tuple[SegmentModel, list[str]]:
    random, places = np.random.default_rng(5), [trait.name for trait in TRAITS]
    values = np.full((400, len(TRAITS)), np.nan)
    for name, many, few in (("order_count", 200, 3), ("monthly_spend", 700, 6), ("basket_value", 40, 9),
                            ("interval_days", 2, 80), ("days_since_order", 1, 150)):  # fmt: skip
        values[:200, places.index(name)] = many * random.uniform(0.8, 1.2, 200)
        values[200:, places.index(name)] = few * random.uniform(0.8, 1.2, 200)
    model, _ = fit(values, 10)
    return model.without([*model.centers][2:]), places


def test_traits_speak_for_the_own_segment_and_against_it_for_the_other() -> None:
    model, places = _model()
    own, other = model.centers
    nearest = nearest_other(model, FREQUENT, own)
    assert nearest == other
    for row in (FREQUENT, RARE):
        reasons = explain_segment(model, row, own, other)
        assert abs(sum(abs(one.share) for one in reasons) - 1) < 1e-9
        assert sorted(reasons, key=lambda one: -abs(one.share)) == reasons
        values = np.full((1, len(places)), np.nan)
        for one in reasons:
            values[0, places.index(one.trait)] = one.value
        is_own = model.label(values)[0] == own
        assert (sum(one.share for one in reasons) > 0) is is_own
    assert {one.trait for one in explain_segment(model, RARE, own, other)} <= set(places)
    assert [-one.share for one in explain_segment(model, RARE, other, own)] == [
        one.share for one in explain_segment(model, RARE, own, other)
    ]


def test_a_column_that_is_withheld_is_no_reason() -> None:
    model, _ = _model()
    own, other = model.centers
    row = {name: value for name, value in FREQUENT.items() if name != "order_count"}
    assert "order_count" not in {one.trait for one in explain_segment(model, row, own, other)}
    assert "order_count" in {one.trait for one in explain_segment(model, FREQUENT, own, other)}
