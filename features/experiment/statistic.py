"""Statistics of a difference that stay valid however often somebody looks.

- `sequence_radius`: asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024, Annals of
  Statistics 52(6), theorem 2.2), valid at all looks at once.
- `obrien_fleming`: bounds for a fixed number of equally spaced looks (O'Brien & Fleming 1979), by numerical integration
  of the joint density of the looks (Armitage, McPherson & Rowe 1969).
- `adjust_by_before`: CUPED (Deng, Xu, Kohavi & Walker 2013).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

Floats = npt.NDArray[np.float64]
_ROOT = math.sqrt(2 * math.pi)


@dataclass(frozen=True)
class Difference:
    """Difference of two means, treatment minus control.

    Attributes:
        estimate: the difference.
        error: its standard error, by Welch.
        size: effective number of customers, 4 / (1 / n_control + 1 / n_treatment): n for two halves.
        control_mean: mean of the control.
    """

    estimate: float
    error: float
    size: float
    control_mean: float


def difference(control: Floats, treatment: Floats) -> Difference:
    """Return the difference of the means. Each variant needs two customers at least."""
    parts = [one.var(ddof=1) / len(one) for one in (control, treatment)]
    size = 4 / (1 / len(control) + 1 / len(treatment))
    estimate = float(treatment.mean() - control.mean())
    return Difference(estimate, math.sqrt(sum(parts)), size, float(control.mean()))


def sequence_radius(found: Difference, alpha: float, planned: float) -> float:
    """Return the half-width of the confidence sequence: sqrt(2 (n r² + 1) / (n² r²) · log(sqrt(n r² + 1) / α)) · s.

    where: n effective customers now, s² = error² · n, and r² is chosen so that the sequence is tightest at `planned`
    customers (Waudby-Smith et al., eq. 24). `planned` must be fixed before the first look.
    """
    rho2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / planned
    scaled = found.size * rho2 + 1
    return found.error * math.sqrt(2 * scaled / (found.size * rho2) * math.log(math.sqrt(scaled) / alpha))


@lru_cache(maxsize=32)
def obrien_fleming(looks: int, alpha: float) -> tuple[float, ...]:
    """Return the bound of |z| at each of `looks` equally spaced looks: c · sqrt(looks / k) at look k.

    All looks together exceed a bound with probability alpha under no difference.
    """

    def excess(constant: float) -> float:
        return _crossing(constant, looks) - alpha

    constant = float(brentq(excess, 1.0, 6.0, xtol=1e-6))
    return tuple(constant * math.sqrt(looks / look) for look in range(1, looks + 1))


def _crossing(constant: float, looks: int) -> float:
    """Return the probability that a random walk of `looks` steps leaves (-c sqrt(looks), c sqrt(looks)).

    On the scale of the score the bounds of O'Brien and Fleming are level, so one grid serves all looks.
    """
    edge = constant * math.sqrt(looks)
    nodes, weights = np.polynomial.legendre.leggauss(max(96, 8 * math.ceil(edge)))
    grid, weights = nodes * edge, weights * edge
    kernel = np.exp(-((grid[:, None] - grid[None, :]) ** 2) / 2) / _ROOT * weights[None, :]
    density = np.exp(-(grid**2) / 2) / _ROOT
    for _ in range(looks - 1):
        density = kernel @ density
    return 1 - float(weights @ density)


def adjust_by_before(values: Floats, before: Floats) -> Floats:
    """Return values − θ (before − mean of before), with θ = cov / var over all variants together.

    The mean difference stays, because assignment does not depend on `before`; the variance falls by the share
    correlation². Without variation of `before` the values are returned.
    """
    spread = float(before.var())
    if spread == 0:
        return values
    theta = float(((values - values.mean()) * (before - before.mean())).mean()) / spread
    adjusted: Floats = values - theta * (before - before.mean())
    return adjusted
