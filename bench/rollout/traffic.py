"""Simulates the counts of a canary: busy and quiet hours, errors and slow calls, customers who are unlike others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import yaml

from features.rollout.definition import Rollout, read_rollout
from features.rollout.judgement import LOOK
from features.rollout.store import Counts

START = datetime(2026, 3, 2, tzinfo=UTC)
OLD, NEW, SHARE = "popularity/1", "hybrid/3", 0.1
ERROR_RATE, SLOW_RATE = 0.01, 0.02
LOOKS_A_DAY = round(timedelta(days=1) / LOOK)


@dataclass(frozen=True)
class Traffic:
    """A shop.

    Attributes:
        calls: calls a day, over both versions.
        factor: error rate of the new version divided by that of the old one.
        begins: day from which the factor holds.
        customers: number of customers, who differ in calls and in error rates as an exponential law; 0: all alike.
        tries: failed calls in a row of a customer whose call fails; the share of failed calls is the same.
    """

    calls: int = 20_000
    factor: float = 1.0
    begins: int = 0
    customers: int = 0
    tries: int = 1


def rollout(most_ratio: float | None = None) -> Rollout:
    """Return the rollout: a canary of 10 % of the customers with the guardrails of docs/experiments.md."""
    chosen = {} if most_ratio is None else {"most_ratio": most_ratio}
    whole = {
        "kind": "rollout", "name": "hybrid_3", "purpose": "personalisation", "subject": "recommendation",
        "old": OLD, "new": NEW, "stages": [{"kind": "canary", "share": SHARE, "hours": 24 * 28}],
        "guardrails": [{"name": "error", "limit": 0.05, **chosen}, {"name": "slow", "above_seconds": 0.5, **chosen}],
    }  # fmt: skip
    return read_rollout(yaml.safe_dump(whole))


def simulate(traffic: Traffic, days: int, rng: np.random.Generator) -> Counts:
    """Return counts by look. Evenings are nine times as busy as mornings, and errors are half as frequent at night."""
    looks = np.arange(days * LOOKS_A_DAY)
    hour = looks / LOOKS_A_DAY * 2 * np.pi
    busy, swing = 1 + 0.8 * np.sin(hour), 1 + 0.33 * np.sin(hour)
    share, unlike = _unlike(traffic, rng)
    factor = np.where(looks >= traffic.begins * LOOKS_A_DAY, traffic.factor, 1.0)
    counts: dict[tuple[datetime, str, bool, str], int] = {}
    for version, part, own, times in (
        (NEW, share, unlike[0], factor),
        (OLD, 1 - share, unlike[1], np.ones(len(looks))),
    ):
        calls = rng.poisson(traffic.calls / LOOKS_A_DAY * part * busy)
        columns = {
            "calls": calls,
            "error": np.minimum(
                rng.binomial(calls, np.minimum(ERROR_RATE * own * swing * times / traffic.tries, 1)) * traffic.tries,
                calls,
            ),
            "slow": rng.binomial(calls, SLOW_RATE * swing),
        }
        for name, column in columns.items():
            counts |= {(START + n * LOOK, version, False, name): int(one) for n, one in enumerate(column) if one}
    return counts


def totals(counts: Counts, days: int) -> Mapping[tuple[str, str], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Return the totals up to the end of each day, by version and metric."""
    found = {(version, name): np.zeros(days) for version in (OLD, NEW) for name in ("calls", "error")}
    for (look, version, _, name), count in counts.items():
        if name in ("calls", "error"):
            found[version, name][(look - START).days] += count
    return {key: np.cumsum(one) for key, one in found.items()}


def _unlike(traffic: Traffic, rng: np.random.Generator) -> tuple[float, tuple[float, float]]:
    """Return the canary's share of the calls, and the error rate of its customers and of the others, around 1."""
    if not traffic.customers:
        return SHARE, (1.0, 1.0)
    calls, errors = rng.exponential(size=(2, traffic.customers))
    chosen = rng.random(traffic.customers) < SHARE
    rates = [float((calls * errors)[one].sum() / calls[one].sum()) for one in (chosen, ~chosen)]
    return float(calls[chosen].sum() / calls.sum()), (rates[0], rates[1])
