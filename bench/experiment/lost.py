"""How often the check of sizes finds that a tenth of one variant's customers was lost, and alarms without a loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import chi2

from bench.claim import Claim
from bench.experiment.journey import DAYS
from features.experiment.sample_ratio import LEVEL, Draws, sample_ratio_fault

SIZES = (2_469, 10_000, 50_000)
LOST = 0.1
"""Share of the treatment's customers whose rows are missing, each independently; the size is that before the loss."""
_SHARES = {"control": 0.5, "new": 0.5}


def measure(*, quick: bool) -> None:
    """Print the claims for each size and for two ways of coming: all on the first day, and evenly over the days."""
    runs = 100 if quick else 2000
    for size in SIZES:
        for way, arriving in (("on day 1", [size, *[0] * (DAYS - 1)]), ("over 28 days", _evenly(size))):
            rng = np.random.default_rng(27)
            missed, single_missed = _missed(rng, arriving, LOST, runs)
            # 2,469 customers cannot show it: a single test at the same level misses it in half of the cases.
            bar = None if size < SIZES[1] else 0.01
            name = f"a tenth of one of two variants lost, {size:,} customers {way}: not found"
            Claim(name, missed, "", single_missed, "one chi-square at 1 %", bar=bar, runs=runs).print_json()
            alarms, daily = _alarms(rng, arriving, runs)
            name = f"nobody lost, {size:,} customers {way}: called a fault"
            # Two standard errors above the level.
            bar = LEVEL + 2 * (LEVEL * (1 - LEVEL) / runs) ** 0.5
            Claim(name, alarms, "", daily, "chi-square each day at 1 %", bar=bar, runs=runs).print_json()


def _missed(rng: np.random.Generator, arriving: Sequence[int], lost: float, runs: int) -> tuple[float, float]:
    ours = single = 0
    for _ in range(runs):
        control, new = _draw(rng, arriving, lost)
        ours += _fault(control, new) is None
        single += _p(control.sum(), new.sum()) >= LEVEL
    return ours / runs, single / runs


def _alarms(rng: np.random.Generator, arriving: Sequence[int], runs: int) -> tuple[float, float]:
    ours = daily = 0
    for _ in range(runs):
        control, new = _draw(rng, arriving, 0)
        ours += _fault(control, new) is not None
        daily += any(_p(c, n) < LEVEL for c, n in zip(control.cumsum(), new.cumsum(), strict=True))
    return ours / runs, daily / runs


def _draw(rng: np.random.Generator, arriving: Sequence[int], lost: float) -> tuple[np.ndarray, np.ndarray]:
    control = rng.binomial(arriving, 0.5)
    new = np.asarray(arriving) - control
    return control, new - rng.binomial(new, lost)


def _fault(control: np.ndarray, new: np.ndarray) -> str | None:
    days = zip(control.tolist(), new.tolist(), strict=True)
    draws = [Draws(day, {"control": c, "new": n}, _SHARES) for day, (c, n) in enumerate(days, 1)]
    return sample_ratio_fault(draws, DAYS)


def _p(control: int, new: int) -> float:
    return float(chi2.sf((control - new) ** 2 / (control + new), 1))


def _evenly(size: int) -> list[int]:
    return [size // DAYS + (day < size % DAYS) for day in range(DAYS)]
