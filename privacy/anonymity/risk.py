"""Re-identification risk of a table, before or after anonymisation, from the sizes of its classes.

Prosecutor risk: the attacker knows that the target is in the table; 1 / class size. Journalist risk: 1 / the number
of people of the population who look alike. Marketer risk: expected share of records re-identified (El Emam 2013).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq, least_squares

THRESHOLDS = (0.05, 0.09, 0.2, 0.33, 0.5)
"""Customary acceptable risks: classes of 20, 11, 5, 3 and 2 (ISO/IEC 27559 leaves the choice to the publisher)."""


@dataclass(frozen=True)
class Risk:
    """Risks as shares of 1; `at_risk[t]` is the share of records whose prosecutor risk is above `t`."""

    records: int
    people: int
    classes: int
    smallest_class: int
    unique: int
    highest_prosecutor: float
    mean_prosecutor: float
    marketer: float
    highest_journalist: float | None
    at_risk: dict[float, float]
    population_unique_pitman: float | None
    population_unique_zero_inflated: float | None
    population_unique_snb: float | None = None


def measure_risk(
    frame: pd.DataFrame,
    quasi: Sequence[str],
    person: str | None = None,
    population_size: int | None = None,
    population: pd.DataFrame | None = None,
) -> Risk:
    """Risks of publishing `quasi` as they stand in `frame`.

    `population_size` (people the table was drawn from) adds estimates of how many sample uniques are unique in the
    population; `population` (its quasi-identifiers) adds the exact journalist risk.
    """
    sizes = class_sizes(frame, quasi, person)
    per_class = sizes.drop_duplicates(subset="__class")["people"].to_numpy(np.int64)
    people = int(per_class.sum())
    per_record = 1.0 / sizes["people"].to_numpy(float)
    journalist = None
    if population is not None:
        reach = population.groupby(list(quasi), dropna=False).size()
        known = frame[list(quasi)].drop_duplicates().merge(reach.rename("n").reset_index(), how="left")["n"]
        journalist = float(1.0 / known.fillna(1).clip(lower=1).min())
    return Risk(
        records=len(frame),
        people=people,
        classes=len(per_class),
        smallest_class=int(per_class.min()),
        unique=int((per_class == 1).sum()),
        highest_prosecutor=float(per_record.max()),
        mean_prosecutor=float(per_record.mean()),
        marketer=len(per_class) / people,
        highest_journalist=journalist,
        at_risk={threshold: float((per_record > threshold + 1e-12).mean()) for threshold in THRESHOLDS},
        population_unique_pitman=pitman_uniques(per_class, population_size),
        population_unique_zero_inflated=zero_truncated_uniques(per_class, population_size),
        population_unique_snb=slide_negative_binomial_uniques(per_class, population_size),
    )


def class_sizes(frame: pd.DataFrame, quasi: Sequence[str], person: str | None = None) -> pd.DataFrame:
    """Per row of `frame`: its class number and the number of people in the class."""
    number = frame.groupby(list(quasi), dropna=False, sort=False).ngroup()
    owner = frame[person] if person else pd.Series(np.arange(len(frame)), frame.index)
    people = owner.groupby(number).transform("nunique")
    return pd.DataFrame({"__class": number, "people": people.clip(lower=1)}, index=frame.index)


def highest_risk_rows(frame: pd.DataFrame, quasi: Sequence[str], most: int = 10) -> pd.Index:
    """Index of the rows in the smallest classes, smallest first."""
    ranked: pd.Series = class_sizes(frame, quasi)["people"].sort_values(kind="stable")
    return ranked.iloc[:most].index


def pitman_uniques(sizes: NDArray[np.int64], population: int | None) -> float | None:
    """Expected population uniques by Pitman's model, fitted by moments (Hoshino 2001); None without a population.

    With u classes in a sample of n, of which s1 are unique and s2 pairs, moments give theta and alpha; expected
    uniques in N are Gamma(theta + 1) / Gamma(theta + alpha) * N ** alpha.
    """
    if population is None:
        return None
    n, u = float(sizes.sum()), float(len(sizes))
    s1, s2 = float((sizes == 1).sum()), float((sizes == 2).sum())
    if s1 == 0 or s2 == 0 or n < 3:
        return 0.0 if s1 == 0 else s1
    c = s1 * (s1 - 1) / s2 if s1 > 1 else 0.0
    scale = 2 * s1 * u + s1 * c - n * c
    theta = (n * u * c - s1 * (n - 1) * (2 * u + c)) / scale if scale else 0.0
    alpha = (theta * (s1 - n) + s1 * (n - 1)) / (n * u) if u else 0.0
    if not 0 < alpha < 1 or theta <= -alpha:
        return float(min(s1, population))
    log_expected = math.lgamma(theta + 1) - math.lgamma(theta + alpha) + alpha * math.log(population)
    return float(min(math.exp(log_expected), population, s1 * population / n))


def zero_truncated_uniques(sizes: NDArray[np.int64], population: int | None) -> float | None:
    """Expected population uniques when class sizes are zero-truncated Poisson with one rate.

    The rate is fitted to the share of sample uniques; the sampling fraction n / N thins the population. It knows no
    skew between classes, so it is the lowest of the estimates.
    """
    if population is None:
        return None
    n, u, s1 = float(sizes.sum()), float(len(sizes)), float((sizes == 1).sum())
    if s1 == 0:
        return 0.0
    fraction = min(n / population, 1.0)
    if fraction == 1.0:
        return s1

    def unique_share(rate: float) -> float:
        return rate * math.exp(-rate) / -math.expm1(-rate)

    rate = 1e-09 if s1 / u >= unique_share(1e-09) else float(brentq(lambda x: unique_share(x) - s1 / u, 1e-09, 700.0))
    return float(s1 * math.exp(-rate * (1 / fraction - 1)))


def slide_negative_binomial_uniques(sizes: NDArray[np.int64], population: int | None) -> float | None:
    """Expected population uniques when a class has 1 + NB(r, p) people (SNB, Chen and McNulty 1998); None without one.

    Every person is sampled with chance f = n / N. With G the generating function of a class's people, a class has no
    sampled person with chance G(1 - f), one with f G'(1 - f). K classes hold N people; r and p are fitted so that
    the expected numbers of sampled classes and of sample uniques are those found. K p^r classes have one person.
    """
    if population is None:
        return None
    n, u, s1 = float(sizes.sum()), float(len(sizes)), float((sizes == 1).sum())
    fraction = n / population
    if s1 == 0 or fraction >= 1:
        return s1
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
    return float(min(expected(best.x)[2], s1 / fraction))
