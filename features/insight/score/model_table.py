"""Keeps fitted models as rows of gold/insight_model: which targets need a new fit, and which models score a day."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from features.insight.errors import TooFewRowsError, UnreadableRowError
from features.insight.model.fitted import FittedModel
from features.insight.model.measure_name import MEASURES
from features.insight.model.target import TARGETS, Target

TABLE = "gold/insight_model"
FEWEST_CUSTOMERS = 30
"""A model of fewer customers is not fitted: it would say more about each of them than about the next one."""
_SEED = 0


def model_id(model: FittedModel) -> str:
    """Return the key of a model: `m_` and 16 hexadecimal digits of a hash of the model with its card."""
    return _id_of(model.to_json())


def read_models(rows: Iterable[Mapping[str, Any]]) -> list[FittedModel]:
    """Return the models of rows of gold/insight_model with `model_id` and `parameters`.

    Raises:
        UnreadableRowError: the parameters are not those that the id was made of.
    """
    return [_read_model(row) for row in rows]


def _read_model(row: Mapping[str, Any]) -> FittedModel:
    if row["model_id"] != _id_of(row["parameters"]):
        raise UnreadableRowError(TABLE)
    return FittedModel.from_json(row["parameters"])


def _id_of(parameters: str) -> str:
    return "m_" + hashlib.sha256(parameters.encode()).hexdigest()[:16]


def model_row(model: FittedModel) -> dict[str, Any]:
    """Return the row of gold/insight_model of a model."""
    card = model.card
    return {
        "model_id": model_id(model),
        "target": str(card.target),
        "fitted_on": card.fitted_on,
        "fit_from": card.fit_from,
        "fit_to": card.fit_to,
        "horizon_days": card.horizon_days,
        "data_version": card.data_version,
        "row_count": card.row_count,
        "customer_count": card.customer_count,
        "card": card.to_json(),
        "parameters": model.to_json(),
    }


def models_on(models: Iterable[FittedModel], day: date) -> dict[Target, FittedModel]:
    """Return for each target the newest model that was fitted on or before a day.

    A model that was fitted later knows events after the day, so it must not score it.
    """
    known = sorted((one for one in models if one.card.fitted_on <= day), key=lambda one: one.card.fitted_on)
    return {one.card.target: one for one in known}


def due_targets(
    models: Iterable[FittedModel], labelled_to: Mapping[Target, date | None], today: date, horizon_days: int
) -> list[Target]:
    """Return the targets to fit: those for which a complete horizon has ended that the newest model does not know.

    A model of another horizon or of other measures does not count.

    Args:
        models: the kept models.
        labelled_to: the last day with a label, for each target; None without one.
        today: the reference date of the run.
        horizon_days: length of the horizon of the labels.
    """
    usable = [one for one in models if _is_usable(one, horizon_days)]
    newest = models_on(usable, today)
    due = []
    for target, last in labelled_to.items():
        if last is not None and (target not in newest or newest[target].card.fit_to < last):
            due.append(target)
    return due


def _is_usable(model: FittedModel, horizon_days: int) -> bool:
    """Return whether a model has the horizon of the labels, and the measures of today; a ranking's card names none."""
    card = model.card
    days = TARGETS[card.target].horizon_days or horizon_days
    return card.horizon_days == days and card.features in ((), MEASURES)


def fit_models(targets: Sequence[Target], rows: pa.Table, fitted_on: date, horizon_days: int) -> list[FittedModel]:
    """Return a model for each of the targets; a target of fewer than FEWEST_CUSTOMERS or of one class only has none.

    Args:
        targets: what to predict.
        rows: rows of gold/customer_score_input with labels, of customers who permit the training.
        fitted_on: the reference date of the run.
        horizon_days: length of the horizon of the labels.
    """
    # Imported here, because scikit-learn takes a second to import and most runs fit no model.
    from features.insight.model.fitting import fit

    rows = rows.sort_by([("as_of", "ascending"), ("customer_id", "ascending")])
    version, found = data_version(rows), []
    for target in targets:
        try:
            model = fit(target, rows, data_version=version, fitted_on=fitted_on, horizon_days=horizon_days, seed=_SEED)
        except TooFewRowsError:
            continue
        if model.card.customer_count >= FEWEST_CUSTOMERS:
            found.append(model)
    return found


def data_version(rows: pa.Table) -> str:
    """Return a fingerprint of rows: 16 hexadecimal digits. Equal rows in equal order give equal fingerprints."""
    buffer = pa.BufferOutputStream()
    with pa.ipc.new_stream(buffer, rows.schema) as stream:
        stream.write_table(rows.combine_chunks())
    return hashlib.sha256(buffer.getvalue()).hexdigest()[:16]
