"""Scores rows with a fitted model, and divides a score into the contributions of the features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.insight.model.additive import Floats
from features.insight.model.category import best_of_each, list_candidates
from features.insight.model.fitted import FittedModel, Predictor
from features.insight.model.matrix import columns_of
from features.insight.model.target import TARGETS, Kind, TargetSpec

CHUNK_ROWS = 100_000


@dataclass(frozen=True)
class Contribution:
    """Effect of one feature on the sum of one customer; `value` is null where the feature is."""

    feature: str
    value: float | None
    effect: float


def score(model: FittedModel, rows: pa.Table) -> pa.Array:
    """Return one score a row: a probability, an amount, or the name of a category.

    Null where the row is outside the target's scope, for example a premium customer's chance to become one, and where a
    customer has no category.

    Args:
        model: a fitted model.
        rows: gold/customer_score_input; labels are not needed.
    """
    spec = TARGETS[model.card.target]
    chunks = [_score(model, rows.slice(at, CHUNK_ROWS), spec) for at in range(0, rows.num_rows, CHUNK_ROWS)]
    empty = pa.string() if spec.kind is Kind.RANKING else pa.float64()
    return pa.concat_arrays(chunks) if chunks else pa.array([], empty)


def contributions(model: FittedModel, rows: pa.Table) -> pa.Table:
    """Return the effect of each feature as a column, and `base`: their sum is the model's, before the calibration.

    It is on the scale of log-odds (probability, ranking) or of the square root of the amount. In a ranking it is that
    of the best category, and all columns are null for a customer without a category.
    """
    columns = _columns(model, rows)
    effects = {
        shape.feature: pa.array(shape.effect(columns[shape.feature])) for shape in model.predictor.additive.shapes
    }
    table = pa.table({"base": pa.array(np.full(rows.num_rows, model.predictor.additive.base)), **effects})
    if TARGETS[model.card.target].kind is not Kind.RANKING:
        return table
    has_best = pc.is_valid(score(model, rows))
    return pa.table({name: pc.if_else(has_best, table[name], None) for name in table.column_names})


def explain(model: FittedModel, row: pa.Table) -> tuple[Contribution, ...]:
    """Return the contributions to the score of a table with one row, the strongest first."""
    columns = _columns(model, row)
    found = []
    for shape in model.predictor.additive.shapes:
        value = float(columns[shape.feature][0])
        effect = float(shape.effect(columns[shape.feature])[0])
        found.append(Contribution(shape.feature, None if np.isnan(value) else value, effect))
    return tuple(sorted(found, key=lambda one: -abs(one.effect)))


def predict(model: Predictor, rows: pa.Table, kind: Kind) -> Floats:
    """Return probabilities or amounts of rows, without regard to the scope of the target."""
    total = model.additive.predict(columns_of(rows, [shape.feature for shape in model.additive.shapes]))
    if kind is Kind.AMOUNT:
        return np.asarray(np.maximum(total, 0.0) ** 2)
    return logistic(model.slope * total + model.offset)


def logistic(odds: Floats) -> Floats:
    """Return the probability of log-odds."""
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -500, 500))))


def within_scope(rows: pa.Table, spec: TargetSpec) -> pa.Table:
    """Return the rows that a target is about."""
    return rows if spec.only_where_false is None else rows.filter(pc.equal(rows[spec.only_where_false], False))


def _score(model: FittedModel, rows: pa.Table, spec: TargetSpec) -> pa.Array:
    if spec.kind is Kind.RANKING:
        listed = list_candidates(rows, model.predictor.popularity)
        best = best_of_each(listed, model.predictor.additive.predict(listed.columns), rows.num_rows)
        return listed.name.take(pa.array(best, mask=best < 0))
    found = predict(model.predictor, rows, spec.kind)
    if spec.only_where_false is None:
        return pa.array(found)
    inside = np.asarray(pc.fill_null(pc.equal(rows[spec.only_where_false], False), False))
    return pa.array(found, mask=~inside)


def _columns(model: FittedModel, rows: pa.Table) -> dict[str, Floats]:
    if TARGETS[model.card.target].kind is not Kind.RANKING:
        return columns_of(rows, [shape.feature for shape in model.predictor.additive.shapes])
    listed = list_candidates(rows, model.predictor.popularity)
    best = best_of_each(listed, model.predictor.additive.predict(listed.columns), rows.num_rows)
    return {name: np.append(values, np.nan)[best] for name, values in listed.columns.items()}
