"""Daily spend of the households of the Complete Journey, in the time zone of its shops."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import duckdb
import numpy as np

from features.experiment.assignment import draw_variant
from features.experiment.definition import Experiment, Metric, Variant
from features.experiment.statistic import Floats
from features.experiment.verdict import Observed, Sample, Verdict, judge
from pipelines.simulate.market import package_file

FIRST, DAYS = date(2017, 1, 1), 28
STARTS = tuple(FIRST + timedelta(days) for days in range(112, 332, 22))
"""First days of the periods: each has 112 days before it, and 28 days of the year from it on."""
VARIANTS = (Variant(name="control", version="a/1", share=0.5), Variant(name="new", version="b/1", share=0.5))
_QUERY = """
    SELECT household_id AS household, sum(sales_value) AS spend,
           date_diff('day', DATE '2017-01-01', cast(timezone('America/New_York',
             timezone('UTC', transaction_timestamp)) AS date)) AS day
    FROM '{file}' GROUP BY ALL
"""


@dataclass(frozen=True)
class Period:
    """28 days of all households: spend up to each day (households × days), and that of the days before."""

    start: date
    spend: Floats
    before: Floats


@cache
def periods() -> tuple[Period, ...]:
    """Return the periods, with the default days before."""
    return tuple(period(start, 2 * DAYS) for start in STARTS)


def period(start: date, days_before: int) -> Period:
    """Return one period."""
    daily, first = _daily(), (start - FIRST).days
    spend = daily[:, first : first + DAYS].cumsum(axis=1)
    return Period(start, spend, daily[:, first - days_before : first].sum(axis=1))


@cache
def _daily() -> Floats:
    found = duckdb.execute(_QUERY.format(file=package_file("transactions"))).fetchnumpy()
    _, place = np.unique(found["household"], return_inverse=True)
    daily = np.zeros((place.max() + 1, 366))
    # An order of the evening of 31 December is of the year before in the shops' time zone in no case: 0 is 1 January.
    np.add.at(daily, (place, np.clip(found["day"], 0, 365)), found["spend"])
    return daily


def experiment(name: str, start: date, method: str) -> Experiment:
    """Return the definition of an experiment on spend."""
    metric = Metric(name="spend", unit="USD", source="orders")
    document = {"name": name, "purpose": "analytics", "start": start, "method": method, "variants": VARIANTS}
    return Experiment.model_validate({**document, "metric": metric, "planned_customers": len(_daily())})


def is_treated(name: str, start: date) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return whether each household gets the treatment, as the product draws it."""
    drawn = experiment(name, start, "sequence")
    return np.array([draw_variant(drawn, f"h{number}") == "new" for number in range(len(_daily()))])


def verdict_of(one: Experiment, spend: Floats, before: Floats | None, treated: np.ndarray, day: int) -> Verdict:
    """Return the verdict on the spend up to a day (0 is the first)."""
    control, new = (
        Sample(spend[group, day], None if before is None else before[group], {}) for group in (~treated, treated)
    )
    (found,) = judge(one, Observed({"new": (control, new)}, (), (), one.start + timedelta(day)))
    return found
