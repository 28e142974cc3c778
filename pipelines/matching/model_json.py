"""Converts a trained model to JSON and back, so that later runs can use it. The text contains no personal data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields
from typing import Any

from pipelines.matching.comparison import comparisons_for
from pipelines.matching.dependence import Dependence
from pipelines.matching.guard import Guards
from pipelines.matching.model import Model

_DIGITS = 9


def write_model(model: Model, columns: list[str]) -> str:
    """Return the model as JSON; `columns` are the prepared columns with which it was trained."""
    values = {field.name: getattr(model, field.name) for field in fields(Model) if field.name != "comparisons"}
    values |= {"dependence": [asdict(link) for link in model.dependence], "guards": asdict(model.guards)}
    text = {"columns": columns, "signature": signature(columns), "model": values}
    return json.dumps(_rounded(text), sort_keys=True)


def read_model(text: str) -> Model | None:
    """Return the model of a JSON text; None if this version of the code has different comparisons for its columns.

    A model without matching comparisons cannot be used; train a new one.
    """
    stored = json.loads(text)
    if stored.get("signature") != signature(stored.get("columns", [])):
        return None
    values: dict[str, Any] = {name: _tuples(value) for name, value in stored["model"].items()}
    values["dependence"] = tuple(Dependence(**link) for link in stored["model"]["dependence"])
    values["guards"] = Guards(stored["model"]["guards"]["is_active"], tuple(stored["model"]["guards"]["own_bits"]))
    return Model(comparisons=comparisons_for(stored["columns"]), **values)


def signature(columns: list[str]) -> str:
    """Return a hash of the SQL of all levels and the model's field names; models with equal hashes are compatible."""
    parts = [[c.name, c.level_sql()] for c in comparisons_for(columns)], [field.name for field in fields(Model)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _rounded(value: object) -> object:
    """Return the value with all numbers rounded to nine digits, because threads add up in varying order."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list | tuple) else value


def _tuples(value: object) -> object:
    return tuple(_tuples(inner) for inner in value) if isinstance(value, list) else value
