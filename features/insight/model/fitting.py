"""Fits a model on labelled rows: evaluates it on the last labelled day, calibrates it, and fits it on all days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from features.insight.errors import TooFewRowsError
from features.insight.group_size import K, told_size
from features.insight.model import evaluation
from features.insight.model.additive import AdditiveModel, Floats, fit_additive
from features.insight.model.card import Calibration, Metric, ModelCard
from features.insight.model.category import best_of_each, bought_next, learn_popularity, list_candidates
from features.insight.model.fitted import FittedModel, Predictor
from features.insight.model.matrix import columns_of, numbers
from features.insight.model.measure_name import MEASURES
from features.insight.model.scoring import predict, within_scope
from features.insight.model.target import TARGETS, Kind, Target, TargetSpec

SAMPLE_ROWS = 50_000
"""A model is fitted on at most so many rows: with 300 weights, more rows change the scores less than a new day does."""
EVALUATED_ROWS = 20_000
"""At most so many rows of the held-out day are evaluated: the intervals are then narrow enough."""
PENALTY = 0.03
"""Weight of the penalty of the mean loss. Chosen on two days of the Complete Journey, by days before them."""
FEW_FEATURES_PENALTY = 0.001
"""The same for a baseline, whose few features need less."""
AMOUNT_PENALTIES = ((0.0003, 0.001, 0.003, 0.01), (0.01, 0.03, 0.1))
"""Penalties of the baseline's features and of the others, of which an amount takes the pair with the smallest error.

The features of the baseline have a smaller one, so that many weaker features do not make a fit on few days worse.
"""
PENALTY_ROWS = 20_000
"""The penalties of an amount are chosen on at most so many rows."""
RANKING_PENALTY = 0.00001
RANKING_ROWS = 20_000
"""A ranking is fitted on at most so many rows, each with up to 20 categories."""
HISTORY_DAYS = 89
"""Days are fitted on if someone was a customer for so long; on earlier ones the data's start cuts the windows."""
FOLDS = 3
"""Parts of the customers by which out-of-fold predictions are made for the calibration."""


@dataclass(frozen=True)
class _Fit:
    """What is common to the fits of one call."""

    target: Target
    spec: TargetSpec
    features: tuple[str, ...]
    horizon_days: int
    seed: int


def fit(
    target: Target,
    rows: pa.Table,
    *,
    data_version: str,
    fitted_on: date,
    horizon_days: int,
    features: Sequence[str] = MEASURES,
    baseline: Sequence[str] | None = None,
    seed: int = 0,
) -> FittedModel:
    """Return the model of a target with its card. The same rows give the same model.

    Args:
        target: what to predict.
        rows: gold/customer_score_input: `customer_id`, `as_of`, the features and the label of the target.
        data_version: version of the rows, for the card.
        fitted_on: day of the fit, for the card.
        horizon_days: horizon of the labels in the contract.
        features: columns of numbers to fit on; a ranking has its own.
        baseline: features of the naive model; by default those of the target.
        seed: of the sample, of the folds and of the bootstrap.

    Raises:
        TooFewRowsError: no row has a label, or all labels are equal.
    """
    spec = TARGETS[target]
    days = spec.horizon_days or horizon_days
    job = _Fit(target, spec, tuple(features), days, seed)
    labelled = _labelled(rows, spec)
    _require_labels(labelled, job)
    held_out = pc.max(labelled["as_of"]).as_py()
    metrics, calibration = _evaluate(labelled, held_out, job, tuple(baseline or spec.baseline))
    used = _sampled(labelled, SAMPLE_ROWS, seed)
    card = ModelCard(
        target=target,
        definition=spec.definition.format(days=days),
        data_version=data_version,
        horizon_days=days,
        features=() if spec.kind is Kind.RANKING else job.features,
        fitted_on=fitted_on,
        fit_from=pc.min(labelled["as_of"]).as_py(),
        fit_to=held_out,
        evaluated_on=held_out if metrics else None,
        row_count=told_size(used.num_rows),
        customer_count=told_size(len(pc.unique(used["customer_id"]))),
        seed=seed,
        metrics=metrics,
        calibration=calibration,
    )
    return FittedModel(card, _fitted(used, job, PENALTY))


def _labelled(rows: pa.Table, spec: TargetSpec) -> pa.Table:
    """Return the rows with a label in order, of days with a complete quarter of history where there are any."""
    known = within_scope(rows, spec)
    known = known.filter(_is_known(known[spec.label])).sort_by([("as_of", "ascending"), ("customer_id", "ascending")])
    if "tenure_days" not in known.column_names or not known.num_rows:
        return known
    longest = known.group_by("as_of").aggregate([("tenure_days", "max")])
    full = longest.filter(pc.greater_equal(longest["tenure_days_max"], HISTORY_DAYS))["as_of"]
    return known.filter(pc.is_in(known["as_of"], full.combine_chunks())) if len(full) else known


def _is_known(label: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(pc.is_finite(label), False) if pa.types.is_floating(label.type) else pc.is_valid(label)


def _require_labels(rows: pa.Table, job: _Fit) -> None:
    if not rows.num_rows:
        raise TooFewRowsError(job.target, "no rows with a label", "rows whose horizon is over")
    if job.spec.kind is Kind.PROBABILITY and len(pc.unique(rows[job.spec.label])) < 2:
        raise TooFewRowsError(job.target, "rows of one class", "rows with and without the event")


def _evaluate(
    labelled: pa.Table, held_out: date, job: _Fit, baseline: tuple[str, ...]
) -> tuple[tuple[Metric, ...], Calibration | None]:
    """Fit on days whose horizons ended by `held_out`, and measure on that day; nothing without such days."""
    before = labelled.filter(_is_over_by(held_out, labelled, job))
    try:
        _require_labels(before, job)
    except TooFewRowsError:
        return (), None
    before = _sampled(before, SAMPLE_ROWS, job.seed)
    test = _sampled(labelled.filter(pc.equal(labelled["as_of"], held_out)), EVALUATED_ROWS, job.seed)
    if test.num_rows < K:
        return (), None
    model = _fitted(before, job, PENALTY)
    if job.spec.kind is Kind.RANKING:
        hits = _hits(model, test, job.seed)
        return (() if hits is None else (hits,)), None
    naive = replace(job, features=baseline)
    truth, ours = numbers(test, job.spec.label), predict(model, test, job.spec.kind)
    theirs = predict(_fitted(before, naive, FEW_FEATURES_PENALTY), test, job.spec.kind)
    measures: tuple[tuple[str, evaluation.Measure, bool], ...]
    if job.spec.kind is Kind.AMOUNT:
        measures = (("rank correlation", evaluation.rank_correlation, True),
                    ("mean absolute error, USD", evaluation.mean_absolute_error, False))  # fmt: skip
    else:
        measures = (("AUC", evaluation.auc, True),)
    compared = (
        evaluation.compare(name, measure, ours, theirs, truth, higher=higher, seed=job.seed)
        for name, measure, higher in measures
    )
    metrics = tuple(one for one in compared if one is not None)
    is_probability = job.spec.kind is Kind.PROBABILITY and bool(metrics)
    return metrics, evaluation.calibrate(ours, truth, seed=job.seed) if is_probability else None


def _fitted(rows: pa.Table, job: _Fit, penalty: float) -> Predictor:
    if job.spec.kind is Kind.RANKING:
        return _fit_ranking(_sampled(rows, RANKING_ROWS, job.seed), job)
    columns, truth = columns_of(rows, job.features), numbers(rows, job.spec.label)
    if job.spec.kind is Kind.AMOUNT:
        return _fit_amount(rows, columns, truth, job)
    model = fit_additive(columns, truth, is_binary=True, penalty=penalty, most_rows=_day_count(rows))
    slope, offset = _calibration(rows, columns, truth, penalty, job.seed)
    return Predictor(model, slope, offset)


def _calibration(
    rows: pa.Table, columns: Mapping[str, Floats], truth: Floats, penalty: float, seed: int
) -> tuple[float, float]:
    """Return Platt's slope and offset, from out-of-fold log-odds of the newest day: its level is nearest to the future.

    The folds divide the customers, so that no customer's other days tell the fit of a fold about a row.
    """
    fold = _folds(rows, seed)
    newest = np.asarray(pc.equal(rows["as_of"], pc.max(rows["as_of"])))
    odds = np.full(len(truth), np.nan)
    for part in range(FOLDS):
        used, wanted = fold != part, (fold == part) & newest
        if wanted.any() and len(np.unique(truth[used])) > 1:
            chosen = {name: values[used] for name, values in columns.items()}
            model = fit_additive(chosen, truth[used], is_binary=True, penalty=penalty, most_rows=_day_count(rows))
            odds[wanted] = model.predict({name: values[wanted] for name, values in columns.items()})
    has_odds = ~np.isnan(odds)
    if len(np.unique(truth[has_odds])) < 2:
        return 1.0, 0.0
    # A penalty so small that it only keeps a perfect separation finite.
    found = LogisticRegression(C=1e3).fit(odds[has_odds, None], truth[has_odds])
    return max(float(found.coef_[0, 0]), 0.0), float(found.intercept_[0])


def _fit_amount(rows: pa.Table, columns: Mapping[str, Floats], truth: Floats, job: _Fit) -> Predictor:
    """Fit the square root of an amount. Its square is a typical amount, between the median and the mean."""
    root, most_rows, parts = np.sqrt(np.maximum(truth, 0)), _day_count(rows), _penalty_parts(rows, job)

    def fitted(chosen: Mapping[str, Floats], roots: Floats, pair: tuple[float, float]) -> AdditiveModel:
        penalty = {name: pair[0] if name in job.spec.baseline else pair[1] for name in columns}
        return fit_additive(chosen, roots, is_binary=False, penalty=penalty, most_rows=most_rows)

    def error(pair: tuple[float, float]) -> float:
        found = 0.0
        for used, wanted in parts:
            model = fitted({name: values[used] for name, values in columns.items()}, root[used], pair)
            predicted = model.predict({name: values[wanted] for name, values in columns.items()})
            found += float(((predicted - root[wanted]) ** 2).sum())
        return found

    return Predictor(fitted(columns, root, min(product(*AMOUNT_PENALTIES), key=error)))


def _penalty_parts(rows: pa.Table, job: _Fit) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Return rows to fit on and rows to predict: the newest day after days whose horizon ended by it, or else folds."""
    newest = pc.max(rows["as_of"]).as_py()
    chosen = np.arange(rows.num_rows) % -(-rows.num_rows // PENALTY_ROWS) == 0
    before, last = (
        np.asarray(one) & chosen for one in (_is_over_by(newest, rows, job), pc.equal(rows["as_of"], newest))
    )
    if before.any():
        return [(before, last)]
    fold = _folds(rows, job.seed)
    parts = [(chosen & (fold != part), chosen & (fold == part)) for part in range(FOLDS)]
    return [(used, wanted) for used, wanted in parts if used.any() and wanted.any()]


def _is_over_by(day: date, rows: pa.Table, job: _Fit) -> pa.ChunkedArray:
    """Return whether the horizon of each row ended by a day."""
    return pc.less_equal(rows["as_of"], pa.scalar(day - timedelta(job.horizon_days), pa.date32()))


def _day_count(rows: pa.Table) -> int:
    """Return the number of days, which is how many rows a customer can have."""
    return len(pc.unique(rows["as_of"]))


def _folds(rows: pa.Table, seed: int) -> NDArray[np.int64]:
    """Return the fold of each row; all rows of a customer are in one."""
    customers = np.asarray(pc.dictionary_encode(rows["customer_id"].combine_chunks()).indices)
    fold: NDArray[np.int64] = np.random.default_rng(seed).integers(0, FOLDS, int(customers.max()) + 1)
    return np.asarray(fold[customers])


def _fit_ranking(rows: pa.Table, job: _Fit) -> Predictor:
    listed = list_candidates(rows, {})
    bought = bought_next(rows, listed)
    if not 0 < bought.sum() < len(bought):
        raise TooFewRowsError(job.target, "categories of one class", "categories that were bought next and others")
    popularity = learn_popularity(listed, bought, rows["customer_id"])
    columns = list_candidates(rows, popularity).columns
    most_rows = _day_count(rows) * int(np.bincount(listed.row).max())
    model = fit_additive(
        columns, bought.astype(np.float64), is_binary=True, penalty=RANKING_PENALTY, most_rows=most_rows
    )
    return Predictor(model, popularity=popularity)


def _hits(model: Predictor, test: pa.Table, seed: int) -> Metric | None:
    """Compare the hit rate (a predicted category is in the next basket) with that of the most frequent category."""
    listed = list_candidates(test, model.popularity)
    bought = np.append(bought_next(test, listed), False).astype(np.float64)  # the last is for rows without a candidate
    ours = bought[best_of_each(listed, model.additive.predict(listed.columns), test.num_rows)]
    theirs = bought[best_of_each(listed, listed.order_days, test.num_rows)]
    truth = np.ones(len(ours))
    return evaluation.compare("hit rate", evaluation.hit_rate, ours, theirs, truth, higher=True, seed=seed)


def _sampled(rows: pa.Table, most: int, seed: int) -> pa.Table:
    if rows.num_rows <= most:
        return rows
    chosen: NDArray[np.int64] = np.sort(np.random.default_rng(seed).choice(rows.num_rows, most, replace=False))
    return rows.take(pa.array(chosen))
