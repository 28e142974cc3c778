"""Explains why a customer is in a segment and not in the next one: the traits that speak for it the most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from features.insight.segment.model import SegmentModel
from features.insight.segment.trait import TRAITS


@dataclass(frozen=True)
class TraitReason:
    """How one trait speaks for the customer's segment against another: above 0 for it, below 0 against it.

    `share` is the part of all differences, so those of one customer add up to 1 in absolute terms. `value` is the
    customer's value of the trait.
    """

    trait: str
    value: float
    share: float


def nearest_other(model: SegmentModel, row: Mapping[str, Any], segment: str) -> str | None:
    """Return the segment that the customer would be in otherwise; None if there is no other."""
    others = model.without({segment})
    return others.label(_values(row))[0] if others.centers else None


def explain_segment(model: SegmentModel, row: Mapping[str, Any], segment: str, other: str) -> list[TraitReason]:
    """Return the traits in the order of how much they count for `segment` against `other`, either way.

    Args:
        model: the model that made the segment.
        row: columns of gold/customer_360 of the customer; a trait with a missing column does not count.
        segment: the customer's segment.
        other: the segment to compare with.
    """
    values = _values(row)
    own, far = (np.array(model.centers[name]) for name in (segment, other))
    place = model.encode(values)[0]
    effects = (place - far) ** 2 - (place - own) ** 2
    total = float(np.abs(effects).sum()) or 1.0
    known = {trait.name: value for trait, value in zip(TRAITS, values[0], strict=True)}
    found = [
        TraitReason(scale.trait, float(known[scale.trait]), float(effect) / total)
        for scale, effect in zip(model.scales, effects, strict=True)
        if np.isfinite(known[scale.trait]) and effect
    ]
    return sorted(found, key=lambda one: -abs(one.share))


def _values(row: Mapping[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the values of all traits, a row; NaN where a column is missing or null."""
    import duckdb

    # Traits are our own SQL over these columns; the values are data.
    frame = pa.table({name: [value] for name, value in row.items()})
    known = {trait.name: trait.sql for trait in TRAITS if set(trait.columns) <= set(frame.column_names)}
    with duckdb.connect(config={"enable_external_access": "false"}) as engine:
        engine.register("customer", frame)
        wanted = ", ".join(f'{known.get(trait.name, "null")} AS "{trait.name}"' for trait in TRAITS)
        found = engine.execute(f"SELECT {wanted} FROM customer").fetchone()
    assert found is not None
    return np.array([[np.nan if value is None else float(value) for value in found]])
