"""Estimates the effect of a promotion, and says whether the data can identify it.

Who gets a promotion is seldom drawn by lot: shops send it to good customers, who would have bought anyway. The
estimator corrects for what was measured before, and the placebo shows whether that was enough: the same estimate for a
time in which the promotion cannot have had an effect, because it had not begun.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import QuantileTransformer, SplineTransformer, StandardScaler

Floats = npt.NDArray[np.float64]
FEWEST = 50
"""Fewest customers with, and without, the promotion for an estimate: five folds of ten."""
_FOLDS = 5
_CLIP = 0.02
"""Propensities are kept within 0.02 and 0.98, so that no customer weighs more than fifty."""
_NORMAL_95 = 1.959964
_LARGEST_PLACEBO = 0.5
"""Largest placebo, as a share of the effect, with which an effect counts as identified."""


@dataclass(frozen=True)
class Effect:
    """A mean effect per customer with its 95 % interval, in the unit of the outcome."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class UpliftReport:
    """The effect of one promotion.

    Attributes:
        customers: number of customers.
        treated: number of those who got the promotion.
        effect: mean effect on all these customers.
        placebo: the same estimate before the promotion began, where the true effect is zero.
        uplift: predicted effect on each customer, from the folds that do not have the customer; in the order of rows.
    """

    customers: int
    treated: int
    effect: Effect
    placebo: Effect
    uplift: Floats

    @property
    def is_identified(self) -> bool:
        """Whether the effect differs from zero, the placebo does not, and the placebo is at most half the effect."""
        is_small = abs(self.placebo.mean) <= _LARGEST_PLACEBO * abs(self.effect.mean)
        return self.effect.excludes_zero and not self.placebo.excludes_zero and is_small

    @property
    def verdict(self) -> str:
        """The finding in words, with both figures."""
        effect, placebo = (f"{e.mean:+.2f} [{e.low:+.2f}, {e.high:+.2f}]" for e in (self.effect, self.placebo))
        found = "identified" if self.is_identified else "not identified"
        return f"{found}: effect {effect}, placebo {placebo}, {self.treated} of {self.customers} customers treated"


def estimate_uplift(
    measures: Floats, treated: npt.NDArray[np.bool_], outcome: Floats, placebo: Floats, seed: int = 0
) -> UpliftReport:
    """Return the effect of a promotion by augmented inverse propensity weighting with cross-fitting (AIPW, DR-learner).

        ψ = μ1(x) - μ0(x) + t (y - μ1(x)) / e(x) - (1 - t) (y - μ0(x)) / (1 - e(x))

    where e(x) is the probability of the promotion and μt(x) the expected outcome with and without it, both fitted on
    the other folds. The mean of ψ is the effect if all that decided on the promotion and on the outcome is measured.
    Source: Chernozhukov et al., "Double/debiased machine learning", 2018; Kennedy, "Towards optimal doubly robust
    estimation of heterogeneous causal effects", 2023.

    Args:
        measures: one row per customer, measured before the time of the placebo.
        treated: who got the promotion.
        outcome: what each customer did while it ran.
        placebo: the same quantity in an equally long time before it began.
        seed: of the folds.

    Raises:
        ValueError: fewer than FEWEST customers got the promotion, or fewer did not.
    """
    count = int(treated.sum())
    if min(count, len(treated) - count) < FEWEST:
        raise ValueError(
            f"got {count} customers with and {len(treated) - count} without the promotion; expected {FEWEST} of each"
        )
    folds = list(StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(measures, treated))
    propensity = _across(folds, lambda rows: _propensity(measures, treated, rows))
    scores = [_scores(measures, treated, each, propensity, folds) for each in (outcome, placebo)]
    uplift = _across(folds, lambda rows: (_linear().fit(measures[rows], scores[0][rows]).predict, measures))
    return UpliftReport(len(treated), count, _mean(scores[0]), _mean(scores[1]), uplift)


_Fit = tuple[Callable[[Floats], Floats], Floats]
_Folds = list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]


def _across(folds: _Folds, fit: Callable[[npt.NDArray[np.int64]], _Fit]) -> Floats:
    """Return a prediction for each row, by the model that was fitted without the row's fold."""
    predicted = np.empty(sum(len(rest) for _, rest in folds))
    for rows, rest in folds:
        predict, measures = fit(rows)
        predicted[rest] = predict(measures[rest])
    return predicted


def _propensity(measures: Floats, treated: npt.NDArray[np.bool_], rows: npt.NDArray[np.int64]) -> _Fit:
    model = make_pipeline(*_curves(), LogisticRegression(C=0.3, max_iter=2000))
    model.fit(measures[rows], treated[rows])
    return lambda some: np.clip(model.predict_proba(some)[:, 1], _CLIP, 1 - _CLIP), measures


def _scores(
    measures: Floats, treated: npt.NDArray[np.bool_], outcome: Floats, propensity: Floats, folds: _Folds
) -> Floats:
    def expected(with_promotion: bool) -> Floats:
        def fit(rows: npt.NDArray[np.int64]) -> _Fit:
            same = rows[treated[rows] == with_promotion]
            return _linear().fit(measures[same], outcome[same]).predict, measures

        return _across(folds, fit)

    mu1, mu0 = expected(True), expected(False)
    correction = np.where(treated, (outcome - mu1) / propensity, -(outcome - mu0) / (1 - propensity))
    return mu1 - mu0 + correction


def _linear() -> Pipeline:
    return make_pipeline(*_curves(), RidgeCV(alphas=np.logspace(-1, 4, 11)))


def _curves() -> tuple[QuantileTransformer, SplineTransformer, StandardScaler]:
    """Return the steps that turn each measure into a curve over its quantiles; ties and outliers do no harm."""
    return (
        QuantileTransformer(n_quantiles=100, subsample=100_000, random_state=0),
        SplineTransformer(n_knots=4, degree=2, include_bias=False),
        StandardScaler(),
    )


def _mean(scores: Floats) -> Effect:
    mean, half = float(scores.mean()), _NORMAL_95 * float(scores.std(ddof=1)) / len(scores) ** 0.5
    return Effect(mean, mean - half, mean + half)
