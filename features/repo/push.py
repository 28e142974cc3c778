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
    return push_rows(store, view, {customer: (event_time, values)}) == 1


def push_rows(store: OnlineStore, view: FeatureView, rows: Mapping[str, tuple[datetime, Mapping[str, Value]]]) -> int:
    """Write values of some customers with one flush; return how many rows are the newest of the view now.

    Args:
        store: the online store.
        view: the feature view.
        rows: event time and values by customer, see `push_values`.

    Raises:
        PushRefused, StoreError: see `push_values`. Of an embedded store, no row is written then.
    """
    names = [feature.name for feature in view.features]
    for event_time, values in rows.values():
        if event_time.tzinfo is None:
            raise PushRefused(f"The event time of a push to {view.name} has no zone; expected an instant.")
        if unknown := sorted(values.keys() - set(names)):
            raise PushRefused(f"{view.name} has no feature {', '.join(unknown)}; its features are {', '.join(names)}.")
    stored, newest = stored_views(store, list(rows), view.name), 0
    with store.grouped():
        for customer, (event_time, values) in rows.items():
            known = stored[customer].as_dict() if customer in stored else {}
            row = [[values.get(name, known.get(name)) for name in names]]
            moment = [microseconds_of(event_time.astimezone(UTC))]
            if not store.write(schema_of(view), [customer], moment, row).older:
                store.write(schema_of(view, PUSHED), [customer], moment, row)
                newest += 1
    return newest


def stored_view(store: OnlineStore, customer: str, view: str) -> StoredView | None:
    """Return what is stored of a customer for a view; None if there is nothing."""
    return stored_views(store, [customer], view).get(customer)


def stored_views(store: OnlineStore, customers: Sequence[str], view: str) -> dict[str, StoredView]:
    """Return what is stored for a view, by customer; a customer of whom nothing is stored is absent."""
    rows = zip(customers, store.read(customers, [view]), strict=True)
    return {customer: row[view] for customer, row in rows if row is not None and view in row}


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
