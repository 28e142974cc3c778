"""Pushes the features of one event: those of `features.transform.recent_activity`, from the event and the stored row.

    stored: session s_1 with 3 events;  event of s_1 → session s_1 with 4 events;  event of s_2 → session s_2 with 1

Two processes that push events of one customer at the same moment may count one of them only. An event older than the
stored row is left out, because the row may count it already. The next batch counts all, and the difference is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from features.definition import FeatureCatalog
from features.repo.push import push_values, stored_view
from features.store.online_store import OnlineStore, Value

VIEW = "customer_recent_activity"
_COUNTED = {"product_view": "session_view_count", "add_to_cart": "session_cart_count", "search": "session_search_count"}
_COUNTS = ("session_event_count", *_COUNTED.values())


@dataclass(frozen=True)
class Event:
    """One touchpoint event, as in silver/touchpoint_event. `event_at` is the shop's wall time."""

    customer_id: str
    event_at: datetime
    event_type: str
    channel: str
    product_id: int | None = None
    session_id: str | None = None


def push_event(store: OnlineStore, catalog: FeatureCatalog, event: Event, zone: ZoneInfo) -> bool:
    """Write the features of an event; return whether they are the customer's newest now.

    Args:
        store: the online store.
        catalog: the features of the installation.
        event: the event.
        zone: time zone of the shop.

    Raises:
        UnknownFeatureError: the installation has no view of recent activity.
        StoreError: the store cannot be read or written.
    """
    stored = stored_view(store, event.customer_id, VIEW)
    values = _after(event, {} if stored is None else stored.as_dict())
    moment = event.event_at.replace(tzinfo=zone)
    return push_values(store, catalog.view(VIEW), event.customer_id, moment, values)


def _after(event: Event, before: dict[str, Value]) -> dict[str, Value]:
    values: dict[str, Value] = {
        "last_event_at": event.event_at,
        "last_event_type": event.event_type,
        "last_channel": event.channel,
        "last_product_id": event.product_id,
    }
    # An event without a session, such as a purchase in a store, ends no session.
    if event.session_id is None:
        return values | {name: before.get(name) or 0 for name in _COUNTS}
    is_same = event.session_id == before.get("last_session_id")
    known = {name: before.get(name) if is_same else 0 for name in _COUNTS}
    counts = {name: count if isinstance(count, int) else 0 for name, count in known.items()}
    counts["session_event_count"] += 1
    if event.event_type in _COUNTED:
        counts[_COUNTED[event.event_type]] += 1
    return {**values, "last_session_id": event.session_id, **counts}
