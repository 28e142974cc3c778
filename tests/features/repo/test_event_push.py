"""Features pushed event by event are those that the batch computes from all events."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import closing
from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest

from features.definition import FeatureCatalog
from features.repo.event_push import VIEW, Event, push_events
from features.repo.materialization import ViewReport, materialize_view
from features.repo.view_rows import EVENT_TIMESTAMP, INSTANT, end_of_day
from features.store.opening import open_online_store
from features.transform.recent_activity import recent_activity
from pipelines.engine.session import Engine
from tests.features.retrieval.feature_shop import ZONE, FeatureShop

DAY = date(2026, 5, 4)
CUSTOMERS = [f"c_{n}" for n in range(15)]
SCHEMA = (
    "customer_id string, event_date date, event_at timestamp_ntz, channel string, event_type string, "
    "product_id bigint, session_id string, source string, event_id string"
)


def draw_events(seed: int) -> list[Event]:
    """Return 150 events of a day in order: sessions of one customer, and purchases in a store without a session."""
    draw, found = random.Random(seed), []
    for number in range(150):
        customer, at = draw.choice(CUSTOMERS), datetime(2026, 5, 4, 8) + timedelta(minutes=number)
        kind = draw.choice(["product_view", "search", "add_to_cart", "page_view", "purchase"])
        product = draw.randrange(90) if kind in ("product_view", "add_to_cart") else None
        session = None if kind == "purchase" else f"{customer}/{number // 40}"
        found.append(Event(customer, at, kind, "store" if kind == "purchase" else "web", product, session))
    return found


def push_and_compare(
    shop: FeatureShop, sail: Engine, pushed: Sequence[Event], all_events: Sequence[Event]
) -> ViewReport:
    """Push events in groups, then materialise what the batch computes from all events; return its report."""
    catalog: FeatureCatalog = shop.catalog
    listed = [
        (e.customer_id, DAY, e.event_at, e.channel, e.event_type, e.product_id, e.session_id, "web", f"{number:04}")
        for number, e in enumerate(all_events)
    ]
    batch = recent_activity(sail.spark.createDataFrame(listed, SCHEMA), [DAY]).drop("as_of").toArrow()
    with closing(open_online_store(shop.installation, verify=False)) as store:
        draw, first = random.Random(3), 0
        while first < len(pushed):
            part = pushed[first : first + draw.randrange(1, 30)]
            assert push_events(store, catalog, part, ZONE) == len(part)
            first += len(part)
        ends = [end_of_day(DAY, ZONE)] * batch.num_rows
        rows = batch.append_column(EVENT_TIMESTAMP, pa.array(ends, INSTANT))
        return materialize_view(catalog.view(VIEW), rows, store)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_batch_agrees_with_the_events_that_were_pushed(shop: FeatureShop, sail: Engine, seed: int) -> None:
    events = draw_events(seed)
    report = push_and_compare(shop, sail, events, events)
    assert report.compared == len({event.customer_id for event in events}) > 10
    assert dict(report.differing) == {}


def test_an_event_that_was_not_pushed_is_reported_as_a_difference(shop: FeatureShop, sail: Engine) -> None:
    events = draw_events(1)
    missed = [place for place, event in enumerate(events) if event.session_id][-1]
    report = push_and_compare(shop, sail, [*events[:missed], *events[missed + 1 :]], events)
    assert report.differing["session_event_count"] >= 1
