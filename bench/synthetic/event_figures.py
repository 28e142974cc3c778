"""Distances between synthetic and real events: total variation of their distributions, and integrity of their keys."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from privacy.synthetic.event.specification import EventSpecification

FIGURES = ("cardinality", "weekday x hour", "department", "category", "repurchase interval")
"""Orders of a person (in octaves), and per event: weekday and hour, department, category, and the days since the person
bought the category before."""


def distances(
    real: tuple[pa.Table, pa.Table], made: tuple[pa.Table, pa.Table], specification: EventSpecification
) -> dict[str, float]:
    """Return each figure's distance between two pairs of people and events, and the share of orphaned events."""
    one, other = (_distributions(*pair, specification) for pair in (real, made))
    people, events = made
    known = set(people[specification.unit].to_pylist())
    orphans = sum(person not in known for person in events[specification.unit].to_pylist())
    found = {name: _distance(one[name], other[name]) for name in FIGURES}
    return found | {"orphans": orphans / max(1, events.num_rows), "events": events.num_rows / real[1].num_rows}


def _distributions(people: pa.Table, events: pa.Table, specification: EventSpecification) -> dict[str, pd.Series]:
    # `group_column` is left out, since the real events state it only by their item.
    frame = events.select([specification.unit, specification.order, specification.time, specification.item]).to_pandas()
    frame.columns = ["person", "order", "time", "item"]
    orders = frame.groupby("person").order.nunique().reindex(people[specification.unit].to_pylist(), fill_value=0)
    day = (frame.time.dt.normalize() - pd.Timestamp(specification.first)).dt.days
    bought = pd.DataFrame({"person": frame.person, "item": frame.item, "day": day}).drop_duplicates()
    bought = bought.sort_values(["person", "item", "day"])
    gaps = bought.groupby(["person", "item"]).day.diff().dropna().astype(int)
    octave = np.floor(np.log2(np.maximum(orders.to_numpy(), 0.5)))
    return {
        "cardinality": pd.Series(octave),
        "weekday x hour": frame.time.dt.weekday * 24 + frame.time.dt.hour,
        "department": frame.item.map(specification.groups),
        "category": frame.item,
        "repurchase interval": gaps,
    }


def _distance(one: pd.Series, other: pd.Series) -> float:
    shares, others = one.value_counts(normalize=True), other.value_counts(normalize=True)
    return float(np.abs(shares.sub(others, fill_value=0).to_numpy()).sum() / 2)
