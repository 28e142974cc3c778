"""Alarms of 28 daily looks without a difference, power with one, and the variance that the time before removes."""

from __future__ import annotations

import sys

import numpy as np

from bench.claim import Claim
from bench.experiment.journey import DAYS, Period, experiment, is_treated, period, periods, verdict_of
from features.experiment.statistic import Floats, difference
from features.experiment.verdict import Answer

LIFT = 0.1
_FIXED, _FIXED_POWER = 1.96, "one z-test on day 28"


def measure(*, quick: bool) -> None:
    """Print the claims."""
    alarms(100 if quick else 2000)
    entering(100 if quick else 2000)
    power(100 if quick else 1000)
    variance()


def alarms(runs: int) -> None:
    """Print the share of A/A experiments that are called better or worse on any of 28 days."""
    names = ("sequence", "obrien_fleming", "sequence with CUPED", "obrien_fleming with CUPED")
    called = dict.fromkeys(names, 0)
    peeking = 0
    for run in range(runs):
        one, treated = _drawn(run)
        for name in names:
            method, _, adjusted = name.partition(" with ")
            called[name] += _is_called(f"aa{run}", one, one.spend, treated, method, one.before if adjusted else None)
        peeking += any(_z(one.spend, treated, day) > _FIXED for day in range(DAYS))
        _progress("A/A", run, runs)
    for name in names:
        claim = f"2,469 households, {DAYS} daily looks, no difference: called better or worse, {name}"
        Claim(claim, called[name] / runs, "", peeking / runs, "z-test each day", bar=0.06, runs=runs).print_json()


def entering(runs: int) -> None:
    """Print the alarms of A/A experiments whose households enter over 14 days, and count from then on."""
    names = ("sequence with CUPED", "obrien_fleming with CUPED")
    called = dict.fromkeys(names, 0)
    rng = np.random.default_rng(28)
    for run in range(runs):
        one, treated = _drawn(run)
        entry = rng.integers(0, DAYS // 2, len(treated))
        earlier = np.where(entry > 0, one.spend[np.arange(len(entry)), entry - 1], 0)
        spend = one.spend - earlier[:, None]
        for name in names:
            defined = experiment(f"aa{run}", one.start, name.partition(" with ")[0])
            for day in range(DAYS):
                there = entry <= day
                found = verdict_of(defined, spend[there], one.before[there], treated[there], day).answer
                if found in (Answer.BETTER, Answer.WORSE):
                    called[name] += 1
                    break
    for name in names:
        claim = f"households that enter over 14 days, {DAYS} looks, no difference: called better or worse, {name}"
        Claim(claim, called[name] / runs, "", bar=0.06, runs=runs).print_json()


def power(runs: int) -> None:
    """Print the share of experiments with 10 % more spend that are not called better by day 28."""
    names = ("obrien_fleming with CUPED", "sequence with CUPED", "obrien_fleming", "sequence")
    missed = dict.fromkeys(names, 0)
    fixed = 0
    for run in range(runs):
        one, treated = _drawn(run)
        raised = one.spend * np.where(treated, 1 + LIFT, 1)[:, None]
        for name in names:
            method, _, adjusted = name.partition(" with ")
            before = one.before if adjusted else None
            missed[name] += not _is_called(f"aa{run}", one, raised, treated, method, before, Answer.BETTER)
        fixed += _z(raised, treated, DAYS - 1) <= _FIXED
        _progress("power", run, runs)
    for name in names:
        bar = 0.1 if name == names[0] else None
        claim = f"2,469 households, 10 % more spend: not called better by day 28, {name}"
        Claim(claim, missed[name] / runs, "", fixed / runs, _FIXED_POWER, bar=bar, runs=runs).print_json()


def variance() -> None:
    """Print the share of the variance of 28-day spend that stays after CUPED, by days before the start."""
    for days, bar in ((2 * DAYS, 0.4), (DAYS, None), (4 * DAYS, None)):
        left = []
        for one in periods():
            found = period(one.start, days)
            treated = is_treated("variance", one.start)
            verdict = verdict_of(
                experiment("variance", one.start, "sequence"), found.spend, found.before, treated, DAYS - 1
            )
            left.append(1 - (verdict.variance_removed or 0))
        claim = f"variance of {DAYS}-day spend that stays after CUPED with {days} days before"
        spread = (min(left), max(left))
        Claim(claim, float(np.median(left)), "", 1, "no CUPED", bar=bar, runs=len(left), spread=spread).print_json()


def _drawn(run: int) -> tuple[Period, np.ndarray]:
    """Return the period of a run and who is treated: the salt differs in each run."""
    one = periods()[run % len(periods())]
    return one, is_treated(f"aa{run}", one.start)


def _is_called(
    name: str, one: Period, spend: Floats, treated: np.ndarray, method: str, before: Floats | None,
    answer: Answer | None = None,
) -> bool:  # fmt: skip
    """Return whether a daily look gives the answer; None: better or worse. The first call ends the experiment."""
    defined = experiment(name, one.start, method)
    for day in range(DAYS):
        found = verdict_of(defined, spend, before, treated, day).answer
        if found in (Answer.BETTER, Answer.WORSE):
            return answer is None or found is answer
    return False


def _z(spend: Floats, treated: np.ndarray, day: int) -> float:
    found = difference(spend[~treated, day], spend[treated, day])
    return abs(found.estimate) / found.error


def _progress(name: str, run: int, runs: int) -> None:
    if (run + 1) % 100 == 0:
        print(f"{name}: {run + 1} of {runs}", file=sys.stderr, flush=True)
