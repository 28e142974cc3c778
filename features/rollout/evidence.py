"""Evidence against "the new version is not worse" that stays valid however often somebody looks.

Calls are counted in looks of a few minutes. At each look, given how many of all calls failed, a failed call belongs to
the new version with probability θ₀ = c·n_new / (c·n_new + n_old) at most, if its odds of failure are at most c times
those of the old version: n are the calls of the versions, c is the allowed ratio. So swings of the error rate that both
versions share, such as a bad evening, are no evidence (Lindon & Malek 2022, "Anytime-valid inference for multinomial
count data", use the same conditioning).

    evidence after look t = Σ_s w_s Σ_r v_r Π_{s ≤ i ≤ t} (θ₁/θ₀)^hits · ((1 − θ₁)/(1 − θ₀))^(trials − hits)

where: odds of θ₁ = r times the odds of θ₀, r runs over `RATIOS` with weights v, and s over the days on which a version
may become worse, with weights w; both add up to 1.

Guarantee: if calls fail independently and the new version is never worse than allowed, the evidence ever reaches 1 / α
with probability α at most (Ville's inequality). Given the failed calls, the number that belongs to the new version has
Fisher's noncentral hypergeometric law; for c ≥ 1 its mean is at most that of the binomial law with θ₀, and as a sum of
independent indicators it is smaller in the convex order, so that each factor has an expectation of at most 1
(Hoeffding 1956).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RATIOS, WEIGHTS = np.array([1.5, 2.0, 3.5, 15.0]), np.array([0.25, 0.4, 0.2, 0.15])
"""Ratios of the odds for which the test is made, and their weights: twice as many errors are found soonest. Between two
of them it loses little."""
_MOST_EXPONENT = 300.0


def share_of_new(new_calls: Floats, old_calls: Floats, ratio: float) -> Floats:
    """Return θ₀ of each look; 0 or 1 where only one version was called."""
    weighted = ratio * new_calls
    total = weighted + old_calls
    return np.divide(weighted, total, out=np.zeros_like(total), where=total > 0)


def evidence(hits: Floats, trials: Floats, limits: Floats, days: Floats) -> Floats:
    """Return the evidence after each look, see the module. Looks without information leave it as it was.

    Args:
        hits: number of trials of each look that count against the new version.
        trials: number of trials of each look.
        limits: largest allowed probability of a hit in each look.
        days: days from the start to each look, ascending.
    """
    known = (limits > 0) & (limits < 1)
    base = np.where(known, limits, 0.5)[:, None]
    raised = RATIOS * base / (1 - base + RATIOS * base)
    steps = hits[:, None] * np.log(raised / base) + (trials - hits)[:, None] * np.log((1 - raised) / (1 - base))
    sums = np.cumsum(np.where(known[:, None], steps, 0.0), axis=0)
    found = np.zeros(len(hits))
    last = int(days[-1]) if len(days) else 0
    for day, first in enumerate(np.searchsorted(days, np.arange(last + 1))):
        # Half of the weight is for a version that is worse from the start: it is found soonest.
        weight = 0.5 if day == 0 else 0.5 / (day * (day + 1))
        before = sums[first - 1] if first else np.zeros(len(RATIOS))
        found[:first] += weight
        found[first:] += weight * (np.exp(np.minimum(sums[first:] - before, _MOST_EXPONENT)) @ WEIGHTS)
    return found + 0.5 / (last + 1)
