"""Materialisation writes the newest row of each customer, and only what changed; pushes are compared with the batch."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from features.errors import PushRefused
from features.repo.materialization import ViewReport, materialize
from features.repo.push import push_values
from features.repo.view_rows import end_of_day
from features.store.online_store import microseconds_of
from features.store.opening import open_online_store
from tests.features.repo.feature_table import last_visit_of, stored, taste_of, trade_of, write_table
from tests.features.retrieval.feature_shop import NOON, ZONE, FeatureShop, value_of

LATER = NOON + timedelta(hours=1)


def push(shop: FeatureShop, customer: str, at: datetime, **values: object) -> bool:
    with closing(open_online_store(shop.installation, verify=False)) as store:
        return push_values(store, shop.catalog.view("taste"), customer, at.replace(tzinfo=ZONE), values)


def report_of(shop: FeatureShop, view: str = "taste") -> ViewReport:
    return materialize(shop.installation, [view])[0]


def test_the_newest_row_of_each_customer_is_stored_with_types_and_nulls(shop: FeatureShop) -> None:
    old = taste_of("c_1", NOON - timedelta(days=1), colour="old")
    write_table(shop, "taste", [old, taste_of("c_1"), taste_of("c_2", colour=None)])
    write_table(shop, "trade", [trade_of("c_1", basket=Decimal("12.50"), order_count=3)])
    reports = {one.view: one for one in materialize(shop.installation)}
    assert (reports["taste"].customers, reports["taste"].written) == (2, 2)
    assert reports["customer_affinity"].customers == 0, "a view whose table does not exist has no customers"
    one, two = stored(shop, "taste", "c_1", "c_2")
    assert one
    assert one.event_time_us == microseconds_of(NOON.replace(tzinfo=ZONE))
    assert one.as_dict()["last_visit"] == last_visit_of("c_1")
    assert two
    assert two.as_dict()["colour"] is None
    (trade,) = stored(shop, "trade", "c_1")
    assert trade
    assert trade.as_dict() == {"order_count": 3, "basket": 12.5, "income": None}


def test_a_row_that_did_not_change_is_not_written(shop: FeatureShop) -> None:
    write_table(shop, "trade", [trade_of(f"c_{n}", basket=Decimal(n)) for n in range(50)])
    assert report_of(shop, "trade").written == 50
    assert report_of(shop, "trade").written == 0
    newer = [trade_of(f"c_{n}", LATER, basket=Decimal(n + (n == 7))) for n in range(50)]
    write_table(shop, "trade", newer)
    assert report_of(shop, "trade").written == 1, "the others hold the same values and are not yet old"
    write_table(shop, "trade", [{**row, "as_of": NOON + timedelta(days=2)} for row in newer])
    assert report_of(shop, "trade").written == 50, "the event time is renewed before the values become stale"


def test_a_customer_who_left_the_table_leaves_the_online_store_with_all_bytes(shop: FeatureShop) -> None:
    write_table(shop, "taste", [taste_of("c_stays"), taste_of("c_leaves", colour="unmistakable")])
    write_table(shop, "trade", [trade_of("c_stays"), trade_of("c_leaves")])
    materialize(shop.installation)
    files = shop.installation.settings.online_dir
    assert any(b"unmistakable" in path.read_bytes() for path in files.rglob("data.mdb"))
    write_table(shop, "taste", [taste_of("c_stays")])
    assert report_of(shop).removed == 1
    assert stored(shop, "taste", "c_leaves") == [None]
    assert stored(shop, "trade", "c_leaves") != [None], "the other view still has its row"
    assert not any(b"unmistakable" in path.read_bytes() for path in files.rglob("*") if path.is_file())


def test_a_push_is_readable_at_once_and_agrees_with_the_batch_that_replaces_it(shop: FeatureShop) -> None:
    write_table(shop, "taste", [taste_of("c_1")])
    materialize(shop.installation)
    assert push(shop, "c_1", LATER, colour="red")
    (pushed,) = stored(shop, "taste", "c_1")
    assert pushed
    assert pushed.as_dict()["colour"] == "red"
    assert pushed.as_dict()["top_shelf"] == value_of("c_1", "taste:top_shelf"), "features that are not pushed stay"
    assert report_of(shop).newer == 1, "a batch that does not know the event leaves the push"
    write_table(shop, "taste", [taste_of("c_1", LATER + timedelta(hours=1), colour="red")])
    report = report_of(shop)
    assert (report.compared, dict(report.differing)) == (1, {})
    assert report_of(shop).compared == 0, "each push is compared once"


def test_a_batch_that_contradicts_a_push_is_reported(shop: FeatureShop) -> None:
    assert push(shop, "c_1", LATER, colour="red", top_shelf="tea")
    write_table(shop, "taste", [taste_of("c_1", LATER + timedelta(hours=1), colour="blue", top_shelf="tea")])
    report = report_of(shop)
    assert report.differing["colour"] == report.compared == 1
    assert "top_shelf" not in report.differing
    (batch,) = stored(shop, "taste", "c_1")
    assert batch
    assert batch.as_dict()["colour"] == "blue"


def test_a_push_of_an_older_event_changes_nothing(shop: FeatureShop) -> None:
    write_table(shop, "taste", [taste_of("c_1")])
    materialize(shop.installation)
    assert not push(shop, "c_1", NOON - timedelta(hours=1), colour="red")
    assert stored(shop, "taste", "c_1")[0].as_dict()["colour"] == value_of("c_1", "taste:colour")  # type: ignore[union-attr]


def test_a_push_of_unknown_features_or_without_zone_is_refused(shop: FeatureShop) -> None:
    with pytest.raises(PushRefused, match="taste has no feature scent; its features are top_shelf"):
        push(shop, "c_1", LATER, scent="rose")
    with (
        closing(open_online_store(shop.installation, verify=False)) as store,
        pytest.raises(PushRefused, match="no zone"),
    ):
        push_values(store, shop.catalog.view("taste"), "c_1", LATER, {})


def test_a_day_ends_in_the_time_zone_of_the_shop() -> None:
    assert end_of_day(NOON.date(), ZoneInfo("America/New_York")) == datetime(2026, 5, 5, 4, tzinfo=UTC)
