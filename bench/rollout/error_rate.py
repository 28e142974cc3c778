"""Measures how soon a doubled error rate is rolled back, and how often an unchanged one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from scipy.stats import norm

from bench.claim import Claim, of_runs
from bench.rollout.traffic import NEW, OLD, SHARE, START, Traffic, rollout, simulate, totals
from features.retrieval.answer import Caller
from features.rollout.judgement import LATE, LOOK, find
from features.rollout.service import Rollouts
from features.rollout.store import Counts, State
from installation.installation import Installation
from installation.settings import load_settings

NAIVE = "z-test at every day's end"
DOUBLED = "rollout: error rate 1 % to 2 %"
_NEVER = np.inf


def false_rollbacks(runs: int) -> Iterator[Claim]:
    """Yield how often an unchanged version is rolled back. 2,469 customers: the households of the Complete Journey."""
    for name, customers in (("all customers alike", 0), ("2,469 customers unlike each other", 2469)):
        ours, naive, exact = np.zeros(runs), np.zeros(runs), np.zeros(runs)
        for seed in range(runs):
            counts = simulate(Traffic(customers=customers), 28, np.random.default_rng([seed, customers]))
            ours[seed] = hours(counts) < _NEVER
            naive[seed] = naive_hours(counts, 28) < _NEVER
            exact[seed] = hours(counts, 1.0) < _NEVER
        about = f"rollout: rolled back in 28 days without a worse rate, 20,000 calls a day, {name}"
        yield Claim(about, float(ours.mean()), "share", float(naive.mean()), NAIVE, 0.05, runs)
        yield Claim(f"{about}, most_ratio 1", float(exact.mean()), "share", runs=runs)
    tried, few = "who try three times, counted by call and not by customer", max(10, runs // 5)
    broken = [hours(simulate(Traffic(tries=3), 28, np.random.default_rng([one, 3]))) < _NEVER for one in range(few)]
    yield Claim(f"rollout: the same, customers {tried}", float(np.mean(broken)), "share", runs=few)


def doubled_rates(runs: int) -> Iterator[Claim]:
    """Yield how soon a doubled error rate is rolled back; the traffic is in the names."""
    for calls, begins in ((20_000, 0), (20_000, 7), (5_000, 0), (10_000, 0), (50_000, 0), (50_000, 7), (100_000, 0)):
        days, ours, naive = begins + 14, list[float](), list[float]()
        for seed in range(runs):
            counts = simulate(Traffic(calls, 2.0, begins), days, np.random.default_rng([seed, calls, begins]))
            ours.append(hours(counts, begins=begins))
            naive.append(naive_hours(counts, days, begins))
        about = f"{DOUBLED}, {calls:,} calls a day, canary {SHARE:.0%}, worse from day {begins}"
        is_main = (calls, begins) == (20_000, 0)
        yield of_runs(f"{about}: median hours", ours, "h", others=naive, peer=NAIVE, bar=24 if is_main else None)
        tenth, other = (float(np.quantile(each, 0.9, method="higher")) for each in (ours, naive))
        yield Claim(f"{about}: hours for nine in ten", tenth, "h", other, NAIVE, 48 if is_main else None, len(ours))
        for limit in (24, 48):
            missed, other = (float(np.mean([not 0 <= one <= limit for one in each])) for each in (ours, naive))
            yield Claim(f"{about}: not rolled back in {limit} h", missed, "share", other, NAIVE, runs=len(ours))


def through_the_service(runs: int) -> Iterator[Claim]:
    """Yield the hours until every customer is served by the old version, with the store and a clock that is moved."""
    found = []
    for seed in range(runs):
        counts = simulate(Traffic(factor=2.0), 4, np.random.default_rng([seed, 99]))
        found.append(_served_hours(counts))
    yield of_runs(f"{DOUBLED}, 20,000 calls a day, through service and store: hours", found, "h", bar=48)


def _served_hours(counts: Counts) -> float:
    moment = [START]
    with (
        tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder,
        Installation(load_settings(data_dir=Path(folder)), lambda: moment[0]) as installation,
    ):
        rollouts = Rollouts(installation, lambda: (moment[0] - START).total_seconds())
        rollouts.create(rollout().text(), Caller("bench", "marketer"))
        for look in sorted({one for one, *_ in counts}):
            moment[0] = look
            for version in (OLD, NEW):
                calls, errors = (counts.get((look, version, False, name), 0) for name in ("calls", "error"))
                rollouts.record("recommendation", version, calls, errors)
            moment[0] = look + LOOK + LATE
            rollouts.flush()
            if rollouts.state()[0][0].state is State.ROLLED_BACK:
                return (moment[0] - START) / timedelta(hours=1)
    return _NEVER


def hours(counts: Counts, most_ratio: float | None = None, begins: int = 0) -> float:
    """Return the hours from the day on which the version became worse until a guardrail is broken."""
    moments = [one.broken_at for one in find(rollout(most_ratio), counts) if one.broken_at is not None]
    return _since(min(moments), begins) if moments else _NEVER


def naive_hours(counts: Counts, days: int, begins: int = 0) -> float:
    """Return the hours until a one-sided z-test of two shares at 5 % says so at the end of a day."""
    summed = totals(counts, days)
    new, old, bad, others = (summed[key] for key in ((NEW, "calls"), (OLD, "calls"), (NEW, "error"), (OLD, "error")))
    pooled = (bad + others) / (new + old)
    z = (bad / new - others / old) / np.sqrt(pooled * (1 - pooled) * (1 / new + 1 / old))
    crossed = np.flatnonzero(z > norm.ppf(0.95))
    return _since(START + timedelta(days=int(crossed[0]) + 1), begins) if len(crossed) else _NEVER


def _since(moment: datetime, begins: int) -> float:
    return (moment - START) / timedelta(hours=1) - 24 * begins
