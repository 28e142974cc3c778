"""Pushes the features of events: those of `features.transform.recent_activity`, from events and the stored row.

    stored: session s_1 with 3 events;  event of s_1 → session s_1 with 4 events;  event of s_2 → session s_2 with 1

Two processes that push events of one customer at the same moment may count one of them only. An event older than the
stored row is left out, because the row may count it already. The next batch counts all, and the difference is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from features.definition import FeatureCatalog
from features.repo.push import push_rows, stored_views
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


def push_events(store: OnlineStore, catalog: FeatureCatalog, events: Sequence[Event], zone: ZoneInfo) -> int:
    """Write the features after some events, in one commit; return how many events they count.

    Args:
        store: the online store.
        catalog: the features of the installation.
        events: in the order of their arrival.
        zone: time zone of the shop.

    Raises:
        UnknownFeatureError: the installation has no view of recent activity.
        StoreError: the store cannot be read or written.
    """
    view, pushed = catalog.view(VIEW), 0
    stored = stored_views(store, list({event.customer_id for event in events}), VIEW)
    before = {customer: (row.event_time, row.as_dict()) for customer, row in stored.items()}
    after: dict[str, tuple[datetime, dict[str, Value]]] = {}
    for event in events:
        moment = event.event_at.replace(tzinfo=zone)
        at, values = after.get(event.customer_id) or before.get(event.customer_id) or (moment, {})
        if moment >= at:
            after[event.customer_id] = moment, values | _after(event, values)
            pushed += 1
    push_rows(store, view, after)
    return pushed


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
