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
from threadpoolctl import threadpool_limits

from features.insight.event.effect import Effect, doubts

Floats = npt.NDArray[np.float64]
FEWEST = 50
"""Fewest customers with, and without, the promotion for an estimate: five folds of ten."""
_FOLDS = 5
_CLIP = 0.02
"""Propensities are kept within 0.02 and 0.98, so that no customer weighs more than fifty."""
_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class UpliftReport:
    """The effect of one promotion.

    Attributes:
        customers: number of customers.
        treated: number of those who got the promotion.
        effect: mean effect on all these customers.
        placebo: the same estimate before the promotion began, where the true effect is zero.
        difference: effect minus placebo.
        uplift: predicted effect on each customer, from the folds that do not have the customer; in the order of rows.
    """

    customers: int
    treated: int
    effect: Effect
    placebo: Effect
    difference: Effect
    uplift: Floats

    @property
    def is_identified(self) -> bool:
        """Whether the effect differs from zero and from the placebo, and the placebo does not differ from zero."""
        return not doubts(self.effect, self.placebo, self.difference)

    @property
    def verdict(self) -> str:
        """The finding in words, with both figures."""
        found = "identified" if self.is_identified else "not identified"
        figures = f"effect {self.effect.text}, placebo {self.placebo.text}"
        return f"{found}: {figures}, {self.treated} of {self.customers} customers treated"


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
    curves = np.asarray(_curves().fit_transform(measures))
    with threadpool_limits(limits=1):
        propensity = _across(folds, lambda rows, rest: _propensity(curves, treated, rows, rest))
        scores = [_scores(curves, treated, each, propensity, folds) for each in (outcome, placebo)]
        uplift = _across(folds, lambda rows, rest: _predicted(curves, scores[0], rows, rest))
    effect, before = scores
    return UpliftReport(len(treated), count, _mean(effect), _mean(before), _mean(effect - before), uplift)


Rows = npt.NDArray[np.int64]
_Folds = list[tuple[Rows, Rows]]


def _across(folds: _Folds, predict: Callable[[Rows, Rows], Floats]) -> Floats:
    """Return a prediction for each row, made by what was fitted without the row's fold."""
    predicted = np.empty(sum(len(rest) for _, rest in folds))
    for rows, rest in folds:
        predicted[rest] = predict(rows, rest)
    return predicted


def _propensity(curves: Floats, treated: npt.NDArray[np.bool_], rows: Rows, rest: Rows) -> Floats:
    model = LogisticRegression(C=0.3, max_iter=2000).fit(curves[rows], treated[rows])
    return np.asarray(np.clip(model.predict_proba(curves[rest])[:, 1], _CLIP, 1 - _CLIP))


def _predicted(curves: Floats, values: Floats, rows: Rows, rest: Rows) -> Floats:
    model = RidgeCV(alphas=np.logspace(-1, 4, 11)).fit(curves[rows], values[rows])
    return np.asarray(model.predict(curves[rest]))


def _scores(
    curves: Floats, treated: npt.NDArray[np.bool_], outcome: Floats, propensity: Floats, folds: _Folds
) -> Floats:
    """Return ψ of each customer."""

    def expected(arm: bool) -> Floats:
        return _across(folds, lambda rows, rest: _predicted(curves, outcome, rows[treated[rows] == arm], rest))

    mu1, mu0 = expected(True), expected(False)
    correction = np.where(treated, (outcome - mu1) / propensity, -(outcome - mu0) / (1 - propensity))
    return np.asarray(mu1 - mu0 + correction)


def _curves() -> Pipeline:
    """Return the steps that turn each measure into a curve over its quantiles; ties and outliers do no harm."""
    return make_pipeline(
        QuantileTransformer(n_quantiles=100, subsample=100_000, random_state=0),
        SplineTransformer(n_knots=4, degree=2, include_bias=False),
        StandardScaler(),
    )


def _mean(scores: Floats) -> Effect:
    mean, half = float(scores.mean()), _NORMAL_95 * float(scores.std(ddof=1)) / len(scores) ** 0.5
    return Effect(mean, mean - half, mean + half)
