"""A trained model as text, to be kept from run to run: shares and weights by level, no value of any person."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields
from typing import Any

from pipelines.matching.comparison import comparisons_for
from pipelines.matching.dependence import Dependence
from pipelines.matching.model import Model

_DIGITS = 9


def write_model(model: Model, columns: list[str]) -> str:
    """Return the model as JSON; `columns` are the prepared columns that it was trained with."""
    held = {field.name: getattr(model, field.name) for field in fields(Model) if field.name != "comparisons"}
    held["dependence"] = [asdict(link) for link in model.dependence]
    text = {"columns": columns, "signature": signature(columns), "model": held}
    return json.dumps(_rounded(text), sort_keys=True)


def read_model(text: str) -> Model | None:
    """Return the model; None when it was trained for other comparisons than today's code makes, so train again."""
    held = json.loads(text)
    if held.get("signature") != signature(held.get("columns", [])):
        return None
    values: dict[str, Any] = {name: _tuples(value) for name, value in held["model"].items() if name != "dependence"}
    links = tuple(Dependence(**link) for link in held["model"]["dependence"])
    return Model(comparisons=comparisons_for(held["columns"]), dependence=links, **values)


def signature(columns: list[str]) -> str:
    """Return what the shares of a model belong to: the SQL of every level, and the model's fields."""
    told = [[c.name, c.level_sql()] for c in comparisons_for(columns)], [field.name for field in fields(Model)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _rounded(value: object) -> object:
    """Nine digits: the last ones depend on the order in which threads add up."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list | tuple) else value


def _tuples(value: object) -> object:
    return tuple(_tuples(inner) for inner in value) if isinstance(value, list) else value
