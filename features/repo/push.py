"""Pushes feature values into the online store, so that they are readable at once, before the next batch.

A pushed row is also kept as the view `<view>__pushed`, until a row of the batch replaces it. The materialisation then
compares both and reports the difference. A push is erased together with the customer's row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from features.definition import Feature, FeatureType, FeatureView
from features.errors import PushRefused
from features.store.online_store import OnlineStore, StoredView, Value, ValueKind, ViewSchema, microseconds_of

PUSHED = "__pushed"
_RELATIVE = 1e-9
"""Difference of floats that counts as equal: sums in another order differ by less."""


def push_values(
    store: OnlineStore, view: FeatureView, customer: str, event_time: datetime, values: Mapping[str, Value]
) -> bool:
    """Write values of a customer that hold from an event on; return whether they are the newest of the view now.

    Args:
        store: the online store.
        view: the feature view.
        customer: the customer id.
        event_time: the instant of the event, with its zone.
        values: values by feature. Features that are not named keep their stored value, or are null.

    Raises:
        PushRefused: the event time has no zone, or a name is no feature of the view.
        StoreError: a value is not of its feature's type, or the store cannot be written.
    """
    if event_time.tzinfo is None:
        raise PushRefused(f"The event time of a push to {view.name} has no zone; expected an instant.")
    names = [feature.name for feature in view.features]
    if unknown := sorted(values.keys() - set(names)):
        raise PushRefused(f"{view.name} has no feature {', '.join(unknown)}; its features are {', '.join(names)}.")
    stored = stored_view(store, customer, view.name)
    known = {} if stored is None else stored.as_dict()
    row = [[values.get(name, known.get(name)) for name in names]]
    moment = [microseconds_of(event_time.astimezone(UTC))]
    with store.grouped():
        done = store.write(schema_of(view), [customer], moment, row)
        if not done.older:
            store.write(schema_of(view, PUSHED), [customer], moment, row)
    return not done.older


def stored_view(store: OnlineStore, customer: str, view: str) -> StoredView | None:
    """Return what is stored of a customer for a view; None if there is nothing."""
    row = store.read([customer], [view])[0]
    return None if row is None else row.get(view)


def schema_of(view: FeatureView, suffix: str = "") -> ViewSchema:
    """Return the names and kinds of a view's features in the online store."""
    return ViewSchema(view.name + suffix, tuple((feature.name, _kind(feature)) for feature in view.features))


def differing_features(pushed: StoredView, batch: Mapping[str, Value]) -> list[str]:
    """Return the features whose pushed value is not that of the batch."""
    return [name for name, value in pushed.as_dict().items() if name in batch and not is_equal(value, batch[name])]


def is_equal(one: Value | Sequence[Value], other: Value | Sequence[Value]) -> bool:
    """Return whether two values are equal, or differ by the rounding of floats."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=_RELATIVE, abs_tol=_RELATIVE)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(is_equal(a, b) for a, b in zip(one, other, strict=True))
    return one == other


def _kind(feature: Feature) -> ValueKind:
    is_wall_time = feature.type is FeatureType.TIMESTAMP and feature.is_wall_time
    return ValueKind.WALL_TIME if is_wall_time else ValueKind(feature.type.value)
