"""Parts of the day, and how much more an item sells in one."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from features.insight.group_size import K
from features.recommend.context import CONTEXTS, context_lifts, context_of, contexts_of

FRIDAY, SATURDAY = 12, 13
"""Days of June 2026."""


@pytest.mark.parametrize(
    ("day", "hour", "expected"),
    [
        (FRIDAY, 6, "workday_morning"), (FRIDAY, 10, "workday_morning"), (FRIDAY, 11, "workday_midday"),
        (FRIDAY, 15, "workday_afternoon"), (FRIDAY, 19, "workday_evening"), (FRIDAY, 23, "workday_evening"),
        (SATURDAY, 5, "workday_evening"), (SATURDAY, 6, "weekend_morning"), (SATURDAY + 2, 0, "weekend_evening"),
        (SATURDAY + 2, 6, "workday_morning"),
    ],
)  # fmt: skip
def test_a_moment_is_in_its_part_of_the_day_and_the_night_in_the_evening_before(
    day: int, hour: int, expected: str
) -> None:
    assert CONTEXTS[context_of(datetime(2026, 6, day, hour, 59))] == expected


def test_every_hour_of_the_week_has_one_context_of_the_expected_length() -> None:
    weekday, hour = (one.ravel() for one in np.mgrid[1:8, 0:24])
    hours = dict(zip(CONTEXTS, np.bincount(contexts_of(weekday, hour)).tolist(), strict=True))
    assert hours == {
        "workday_morning": 25, "workday_midday": 20, "workday_afternoon": 20, "workday_evening": 55,
        "weekend_morning": 10, "weekend_midday": 8, "weekend_afternoon": 8, "weekend_evening": 22,
    }  # fmt: skip


def test_the_lift_of_a_planted_evening_item_is_that_of_its_sales() -> None:
    # Item 0 sells in the evening only, item 1 in the morning and evening alike; 1,000 customers buy each once.
    morning, evening = CONTEXTS.index("workday_morning"), CONTEXTS.index("workday_evening")
    item = np.repeat([0, 1], 1000)
    context = np.concatenate([np.full(1000, evening), np.tile([morning, evening], 500)])
    lifts = context_lifts(item, np.tile(np.arange(1000), 2), context, 3)
    # All: a quarter of 2,000 sales in the morning. The prior of 50 sales draws a little to the mean.
    assert lifts[0, evening] == pytest.approx(np.log((1000 + 50 * 0.75) / 1050 / 0.75))
    assert lifts[1, morning] == pytest.approx(np.log((500 + 50 * 0.25) / 1050 / 0.25))
    assert lifts[1, evening] < 0
    assert not lifts[2].any()
    assert not lifts[0, morning], "nobody bought it then"


def test_a_lift_of_fewer_than_k_customers_is_zero() -> None:
    def lift(customers: int) -> float:
        """Return the lift of an item that some customers bought in the morning, each many times, and others later."""
        some, rest = np.arange(customers), np.arange(100)
        item = np.concatenate([np.zeros(20 * customers, np.int64), np.ones(100, np.int64)])
        customer = np.concatenate([np.repeat(some, 20), rest])
        context = np.concatenate([np.zeros(20 * customers, np.int64), np.full(100, 3)])
        return float(context_lifts(item, customer, context, 2)[0, 0])

    assert lift(K) > 0.2
    assert lift(K - 1) == 0


def test_without_purchases_there_is_no_lift() -> None:
    none = np.zeros(0, np.int64)
    assert context_lifts(none, none, none, 2).tolist() == [[0.0] * len(CONTEXTS)] * 2
