"""Measures the models on the Complete Journey out of time: fitted to 2017-09-30, the quarter after it held out.

All households are marked as permitting profiling, because the data has no consents. Each model is fitted on month ends
whose horizon ended by 2017-09-30, and scores that day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pyarrow.compute as pc

from bench.claim import Claim
from bench.insight.complete_journey import score_input
from features.insight.model.card import LARGEST_ERROR, Metric
from features.insight.model.fitting import fit
from features.insight.model.target import Target
from features.transform.snapshot import month_ends

LAST_DAY, END, HORIZON_DAYS = date(2017, 9, 30), date(2017, 12, 31), 90


def measure() -> Iterator[Claim]:
    """Yield a claim for each metric, and one for each calibration."""
    rows = score_input((*month_ends(LAST_DAY, 6), END), HORIZON_DAYS)
    rows = rows.filter(pc.less_equal(rows["as_of"], LAST_DAY))
    for target in Target:
        card = fit(target, rows, data_version="bench", fitted_on=END, horizon_days=HORIZON_DAYS).card
        yield from (_of_metric(target, metric) for metric in card.metrics)
        if card.calibration:
            bar = max(LARGEST_ERROR, card.calibration.band)
            yield Claim(f"{target}: calibration error", card.calibration.error, "", bar=bar)


def _of_metric(target: Target, metric: Metric) -> Claim:
    """Return the claim that a metric is ahead of the baseline; one that should be high is shown as 1 − metric.

    The spread is that of the bootstrap. The figure misses its bar if the interval of the difference contains 0.
    """
    name = f"{target}: {'1 − ' if metric.higher_is_better else ''}{metric.name}"
    values = (metric.value, metric.baseline, metric.low, metric.high)
    ours, theirs, low, high = (1 - one for one in values) if metric.higher_is_better else values
    bar, spread = 1.0 if metric.is_ahead else 0.0, (min(low, high), max(low, high))
    return Claim(name, ours, "", theirs, "recency and frequency", bar, 1, spread, on_ratio=True)
