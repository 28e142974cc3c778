"""Fits and scores all models, and makes segments, of a million generated customers with 50 features.

`python -m bench.insight.scale COUNT` does it in this process; the bench starts it to measure its time and memory.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from bench.claim import Claim
from bench.process import run_measured
from features.insight.model.additive import Floats
from features.insight.model.fitting import SAMPLE_ROWS, fit
from features.insight.model.matrix import columns_of
from features.insight.model.measure_name import MEASURES
from features.insight.model.scoring import logistic, score
from features.insight.model.target import Target
from features.insight.segment.clustering import cluster

CUSTOMERS, FEATURES, CATEGORIES, LISTED = 1_000_000, 50, 300, 20
LONGEST_SECONDS, LARGEST_GIB = 300.0, 8.0
DAY, HORIZON_DAYS = date(2017, 9, 30), 90
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that wait sleep, so that processor time is work also while other programs use the machine."""
NAMES = (*MEASURES, *(f"other_{number}" for number in range(FEATURES - len(MEASURES))))


def make_rows(count: int, day: date, seed: int) -> pa.Table:
    """Return generated score input with labels that depend on the features."""
    random = np.random.default_rng(seed)
    activity = random.gamma(2.0, 1.0, count)
    columns: dict[str, Floats] = {name: np.round(activity * random.gamma(2.0, 5.0, count), 2) for name in NAMES}
    columns["order_count_365d"], columns["order_count_90d"] = np.ceil(20 * activity) + 1, np.ceil(5 * activity)
    columns["tenure_days"] = random.integers(90, 365, count).astype(float)

    def happens(weight: float) -> pa.Array:
        odds = weight * (activity - 2) + 0.02 * (columns["days_since_last_order"] - 20)
        return pa.array(random.random(count) < logistic(odds))

    names = pa.array([f"category {number}" for number in range(CATEGORIES)])
    starts, ones = np.arange(0, LISTED * count + 1, LISTED, dtype=np.int32), np.arange(count + 1, dtype=np.int32)
    drawn = (random.integers(0, CATEGORIES, count)[:, None] + np.arange(LISTED) * 7) % CATEGORIES
    last, orders = random.integers(0, 90, LISTED * count), random.integers(1, 20, LISTED * count)
    chosen = drawn[np.arange(count), random.integers(0, LISTED, count)]
    lists = {"names": names.take(pa.array(drawn.ravel())), "order_days": pa.array(orders),
             "order_days_90d": pa.array(orders // 3), "last_days_ago": pa.array(last),
             "first_days_ago": pa.array(last + 10 * orders)}  # fmt: skip
    return pa.table({
        "customer_id": pa.array(np.arange(count)).cast(pa.string()),
        "as_of": pa.repeat(pa.scalar(day), count),
        **columns,
        "is_premium": pa.array(random.random(count) < 1 / 3),
        **{f"category_{name}": pa.ListArray.from_arrays(starts, values) for name, values in lists.items()},
        "churned": happens(-2.0),
        "spend_next": activity * random.gamma(2.0, 50.0, count),
        "buys_next_week": happens(2.0),
        "is_premium_next": happens(0.5),
        "tries_new_category": happens(1.0),
        "next_categories": pa.ListArray.from_arrays(ones, names.take(pa.array(chosen))),
    })  # fmt: skip


def run(customers: int) -> None:
    """Fit all models on two earlier days, score all customers, and make segments; print the seconds of each step."""
    size = min(customers, SAMPLE_ROWS)
    past = pa.concat_tables([make_rows(size, DAY - timedelta(HORIZON_DAYS * ago), ago) for ago in (2, 1)])
    rows = make_rows(customers, DAY, 0)
    started = time.perf_counter()

    def lap(name: str) -> None:
        print(f"{name}: done after {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)

    for target in Target:
        model = fit(target, past, data_version="bench", fitted_on=DAY, horizon_days=HORIZON_DAYS, features=NAMES)
        lap(f"{target} fitted")
        score(model, rows)
        lap(f"{target} scored")
    values = np.column_stack(list(columns_of(rows, NAMES).values()))
    cluster((values - values.mean(axis=0)) / values.std(axis=0))
    lap("segments")


def measure(customers: int = CUSTOMERS) -> Iterator[Claim]:
    """Yield the time and the peak memory of one run beside those of scikit-learn on pandas.

    On a machine that is in use, the processor time tells more.
    """
    done, other = (
        run_measured([sys.executable, "-m", f"bench.insight.{module}", str(customers)], env=PATIENT)
        for module in ("scale", "scale_peer")
    )
    print(done.output, other.output, sep="\n", file=sys.stderr)
    what, peer = f"scores and segments of {customers:,} × {FEATURES}", "scikit-learn on pandas"
    yield Claim(f"{what}: time", done.seconds, "s", other.seconds, peer, LONGEST_SECONDS)
    yield Claim(f"{what}: processor time", done.cpu_seconds, "s", other.cpu_seconds, peer)
    yield Claim(f"{what}: memory", done.peak_gib, "GiB", other.peak_gib, peer, LARGEST_GIB)


if __name__ == "__main__":
    run(int(sys.argv[1]))
