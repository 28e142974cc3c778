"""Estimates how many people are unique in the population, from the class sizes of a sample.

Each estimate counts people of the whole population. It is None without a population. A census (the sample is the
population) is counted, not estimated. No estimate is above the number of sample uniques divided by the sampling
fraction. Without sample uniques each is 0, because a sampled population unique would be a sample unique.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, least_squares, minimize
from scipy.special import gammaln

LONGEST_SUM = 20_000
"""Number of classes up to which a sum of logarithms is formed term by term. Its closed form loses digits when alpha is
near 0."""
LEAST_ALPHA = 1e-6


def pitman_uniques(sizes: NDArray[np.int64], population: int | None) -> float | None:
    """Returns the number of population uniques by Pitman's model, fitted by maximum likelihood (Hoshino 2001).

    A person is unique among N people with probability Gamma(theta + 1) Gamma(theta + alpha + N - 1) / (Gamma(theta +
    alpha) Gamma(theta + N)). The model assumes an unlimited number of classes. So it overestimates where the sample has
    seen most combinations that exist. When all of the sample is unique, no parameters are the most likely, and the
    largest possible estimate is returned.
    """
    if population is None:
        return None
    known = _known(sizes, population)
    if known is not None:
        return known
    if len(sizes) == int(sizes.sum()):
        return _most(sizes, population)
    theta, alpha = fit_pitman(sizes)
    log_chance = math.lgamma(theta + 1) - math.lgamma(theta + alpha)
    log_chance += math.lgamma(theta + alpha + population - 1) - math.lgamma(theta + population)
    return min(population * math.exp(log_chance), _most(sizes, population))


def fit_pitman(sizes: NDArray[np.int64]) -> tuple[float, float]:
    """Returns the most likely (theta, alpha) for these class sizes, with 0 < alpha < 1 and theta > -alpha.

    log L = sum of log(theta + i alpha) for i = 1 ... u - 1, less log of the rising factorial (theta + 1) ... (theta + n
    - 1), plus for each class of j people log of (1 - alpha) ... (j - 1 - alpha); u classes of n people in all.
    """
    n, u = int(sizes.sum()), len(sizes)
    size, times = np.unique(sizes, return_counts=True)
    step = np.arange(1, u)

    def place_of(theta: float, alpha: float) -> NDArray[np.float64]:
        return np.array([math.log(theta + alpha), math.log(alpha / (1 - alpha))])

    def at(place: NDArray[np.float64]) -> tuple[float, float]:
        alpha = float(np.clip(1 / (1 + math.exp(-float(np.clip(place[1], -30, 30)))), LEAST_ALPHA, 1 - LEAST_ALPHA))
        return math.exp(float(np.clip(place[0], -20, 40))) - alpha, alpha

    def unlikelihood(place: NDArray[np.float64]) -> float:
        theta, alpha = at(place)
        if u <= LONGEST_SUM or alpha < 0.01:
            classes = float(np.log(theta + step * alpha).sum())
        else:
            ratio = theta / alpha
            classes = (u - 1) * math.log(alpha) + float(gammaln(ratio + u) - gammaln(ratio + 1))
        people = float(gammaln(theta + n) - gammaln(theta + 1))
        inside = float((times * (gammaln(size - alpha) - gammaln(1 - alpha))).sum())
        return people - classes - inside

    starts = [place_of(float(u), 0.1), place_of(1.0, 0.5), place_of(float(n), 0.5)]
    options = {"xatol": 1e-6, "fatol": 1e-9, "maxiter": 2000}
    fits = [minimize(unlikelihood, start, method="Nelder-Mead", options=options) for start in starts]
    return at(min(fits, key=lambda fit: float(fit.fun)).x)


def poisson_uniques(sizes: NDArray[np.int64], population: int | None) -> float | None:
    """Returns the number of population uniques for class sizes that are zero-truncated Poisson with one rate.

    The rate is fitted to the share of sample uniques among classes; the sampling fraction thins the population. All
    classes have one rate, so this is the lowest of the estimates.
    """
    if population is None:
        return None
    known = _known(sizes, population)
    if known is not None:
        return known
    u, s1 = len(sizes), int((sizes == 1).sum())

    def unique_share(rate: float) -> float:
        return rate * math.exp(-rate) / -math.expm1(-rate)

    rate = 1e-09 if s1 / u >= unique_share(1e-09) else float(brentq(lambda x: unique_share(x) - s1 / u, 1e-09, 700.0))
    fraction = float(sizes.sum()) / population
    return float(s1 * math.exp(-rate * (1 / fraction - 1)))


def slide_negative_binomial_uniques(sizes: NDArray[np.int64], population: int | None) -> float | None:
    """Returns the number of population uniques for classes of 1 + NB(r, p) people (SNB, Chen and McNulty 1998).

    Every person is sampled with probability f = n / N. With G the generating function of a class's people, a class has
    no sampled person with probability G(1 - f), and one with f G'(1 - f). K classes hold N people. r and p are fitted
    so that the expected numbers of sampled classes and sample uniques equal the observed ones. K p^r classes have one
    person.
    """
    if population is None:
        return None
    known = _known(sizes, population)
    if known is not None:
        return known
    u, s1 = float(len(sizes)), float((sizes == 1).sum())
    fraction = float(sizes.sum()) / population
    z = 1 - fraction

    def expected(place: NDArray[np.float64]) -> tuple[float, float, float]:
        r, p = math.exp(place[0]), 1 / (1 + math.exp(-place[1]))
        classes = population / (1 + r * (1 - p) / p)
        ratio = (p / (1 - (1 - p) * z)) ** r
        alone = fraction * ratio * (1 + z * r * (1 - p) / (1 - (1 - p) * z))
        return classes * (1 - z * ratio), classes * alone, classes * p**r

    def gap(place: NDArray[np.float64]) -> NDArray[np.float64]:
        found, alone, _ = expected(place)
        return np.array([found / u - 1, alone / s1 - 1])

    starts = [np.array([math.log(r), math.log(p / (1 - p))]) for r in (0.05, 0.5, 5.0) for p in (0.01, 0.1, 0.5)]
    limits = (np.array([-12.0, -20.0]), np.array([8.0, 20.0]))
    best = min((least_squares(gap, start, bounds=limits) for start in starts), key=lambda fit: float(fit.cost))
    return min(float(expected(best.x)[2]), _most(sizes, population))


def _known(sizes: NDArray[np.int64], population: int) -> float | None:
    """Returns the number of population uniques where no model is needed; None otherwise.

    No model is needed for a census, or without sample uniques (the number is 0).
    """
    unique = float((sizes == 1).sum())
    return unique if unique == 0 or population <= int(sizes.sum()) else None


def _most(sizes: NDArray[np.int64], population: int) -> float:
    return min(float((sizes == 1).sum()) * population / float(sizes.sum()), float(population))
