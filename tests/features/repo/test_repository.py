"""Feast's API over the tables and the online store gives the values of the tables, as they were known at the time."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from feast import FeatureStore
from pyspark.sql.connect.session import SparkSession as ConnectSession

from features.definition import FeatureCatalog
from features.repo import view_rows
from features.repo.materialization import materialize
from features.repo.registration import is_registered
from features.repo.repository import apply_features, open_feature_store
from tests.engines import Engines
from tests.features.repo.feature_table import stored, taste_of, trade_of, write_table
from tests.features.retrieval.feature_shop import NOON, ZONE, FeatureShop

DAYS = [NOON - timedelta(days=n) for n in (90, 60, 30, 1)]
ASKED = ["trade:order_count", "taste:colour"]


@pytest.fixture
def feast(shop: FeatureShop) -> FeatureStore:
    apply_features(shop.installation)
    return open_feature_store(shop.installation)


def draw_history(shop: FeatureShop) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Write random rows of 30 customers on 4 days into both tables, and return them."""
    draw = random.Random(18)
    picked = [(f"c_{n}", day) for n in range(30) for day in DAYS if draw.random() < 0.6]
    trade = [trade_of(customer, day, order_count=draw.randrange(1000)) for customer, day in picked]
    taste = [taste_of(customer, day, colour=f"{day:%m}") for customer, day in picked[::2]]
    write_table(shop, "trade", trade)
    write_table(shop, "taste", taste)
    return trade, taste


def known_at(rows: list[dict[str, Any]], customer: str, moment: datetime, name: str) -> Any:
    """Return the value of the newest row of a customer until a moment, found by looking at every row."""
    own = [row for row in rows if row["customer_id"] == customer and row["as_of"].replace(tzinfo=ZONE) <= moment]
    return max(own, key=lambda row: row["as_of"])[name] if own else None


def differing(feast: FeatureStore, history: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> int:
    """Return how many of 300 values of a training set are not those that a search of all rows finds."""
    draw = random.Random(7)
    moments = [NOON.replace(tzinfo=UTC) - timedelta(hours=draw.randrange(24 * 120)) for _ in range(150)]
    asked = pd.DataFrame({"customer_id": [f"c_{draw.randrange(33)}" for _ in moments], "event_timestamp": moments})
    found = feast.get_historical_features(asked, ASKED).to_df()
    assert sorted(found["customer_id"]) == sorted(asked["customer_id"]), "one row for each row asked for"
    # Feast's Spark store returns instants in UTC without the zone.
    found["event_timestamp"] = pd.to_datetime(found["event_timestamp"], utc=True)
    wrong = 0
    for row in found.to_dict("records"):
        for rows, name in zip(history, ("order_count", "colour"), strict=True):
            value = None if pd.isna(row[name]) else row[name]
            wrong += value != known_at(rows, row["customer_id"], row["event_timestamp"], name)
    return wrong


def test_a_training_set_has_the_values_known_at_each_moment(shop: FeatureShop, feast: FeatureStore) -> None:
    history = draw_history(shop)
    assert differing(feast, history) == 0


def test_a_join_that_ignores_the_moment_is_found(
    shop: FeatureShop, feast: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = draw_history(shop)
    first = pa.scalar(datetime(1970, 1, 1, tzinfo=UTC), view_rows.INSTANT)
    monkeypatch.setattr(view_rows, "_instants", lambda values, *_: pa.repeat(first, len(values)))
    assert differing(feast, history) > 0


def test_feast_reads_online_what_was_materialised(shop: FeatureShop, feast: FeatureStore) -> None:
    write_table(shop, "taste", [taste_of("c_1"), taste_of("c_2", colour=None)])
    write_table(shop, "trade", [trade_of("c_1", order_count=5)])
    materialize(shop.installation)
    asked = [{"customer_id": name} for name in ("c_1", "c_2", "c_unknown")]
    found = feast.get_online_features([*ASKED, "taste:last_visit"], asked).to_dict()
    one, two, _ = stored(shop, "taste", "c_1", "c_2", "c_unknown")
    assert one
    assert two
    assert found["order_count"] == [5, None, None]
    assert found["colour"] == [one.as_dict()["colour"], None, None]
    assert found["last_visit"] == [one.as_dict()["last_visit"], two.as_dict()["last_visit"], None]


def test_feasts_own_materialisation_stores_the_same_rows(shop: FeatureShop, feast: FeatureStore) -> None:
    write_table(shop, "taste", [taste_of(f"c_{n}") for n in range(20)])
    names = [f"c_{n}" for n in range(20)]
    feast.materialize(NOON - timedelta(days=9), NOON + timedelta(days=1), ["taste"])
    theirs = [one and (one.event_time_us, one.as_dict()) for one in stored(shop, "taste", *names)]
    assert materialize(shop.installation, ["taste"])[0].written == 0
    assert None not in theirs


def test_the_registry_follows_the_contracts(shop: FeatureShop, monkeypatch: pytest.MonkeyPatch) -> None:
    first = apply_features(shop.installation)
    assert {"taste", "trade", "sample", "customer_affinity", "customer_recent_activity_age"} <= set(first.added)
    assert apply_features(shop.installation).added == ()
    assert is_registered(shop.installation, shop.catalog)
    write_table(shop, "trade", [trade_of("c_1")])
    write_table(shop, "taste", [taste_of("c_1")])
    materialize(shop.installation)
    views = {name: view for name, view in shop.catalog.views.items() if name != "trade"}
    views["taste"] = replace(views["taste"], description="Another one.")
    fewer = FeatureCatalog(views, {})
    assert not is_registered(shop.installation, fewer)
    monkeypatch.setattr("features.repo.repository.read_catalog", lambda _: fewer)
    second = apply_features(shop.installation)
    assert (second.changed, set(second.removed)) == (("taste",), {"trade", "sample", *shop.catalog.services})
    assert stored(shop, "trade", "c_1") == [None], "the values of a view without contract are removed"
    assert stored(shop, "taste", "c_1") != [None]


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:.*is an experimental feature", "ignore:Could not serialize pd.DataFrame.attrs")
def test_feasts_spark_store_gives_the_same_training_set(
    shop: FeatureShop, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The active session of a program with one engine; here another engine may have been opened before.
    monkeypatch.setattr(ConnectSession._active_session, "session", engines.open("spark").spark, raising=False)
    settings = shop.installation.settings.model_copy(update={"engine": "spark"})
    object.__setattr__(shop.installation, "settings", settings)
    apply_features(shop.installation)
    assert differing(open_feature_store(shop.installation), draw_history(shop)) == 0
