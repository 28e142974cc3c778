"""Draws feature views of random customers, and opens Feast's feature store over them with one of several online stores.

Five views have ten features each: numbers, texts, truth values, moments and lists, a tenth of them null. Feast reads
them from Delta tables for every store, by the offline store of Bojagi: its own one takes most of a materialisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from deltalake import write_deltalake
from feast import (
    Entity,
    FeatureService,
    FeatureStore,
    FeatureView,
    Field,
    PushSource,
    RepoConfig,
    ValueType,
)
from feast.types import Array, Bool, FeastType, Float32, Float64, Int32, Int64, String, UnixTimestamp

from features.definition import Feature, FeatureType
from features.definition import FeatureView as Described
from features.repo.feast_object import FEAST_TYPES
from features.repo.offline_store import DeltaSource
from features.repo.view_rows import ViewTable
from features.store.feast_store import TYPE

OFFLINE = "features.repo.offline_store.DeltaOfflineStore"

SEED = 18
VIEWS, COLUMNS, SERVED = 5, 10, 4
START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=90)
_NULLS = 0.1
_CHUNK = 100_000
FORMS: tuple[FeastType, ...] = (
    Float64, Int64, String, Bool, UnixTimestamp, Float32, Int32, Array(Float64), Float64, String,
)  # fmt: skip


@dataclass(frozen=True)
class Market:
    """The folder of the views' tables, and their customers."""

    folder: Path
    customers: tuple[str, ...]


def draw_market(folder: Path, count: int) -> Market:
    """Write the tables of this number of customers."""
    folder.mkdir(parents=True, exist_ok=True)
    customers = tuple(f"c_{number:026}" for number in range(count))
    for view in range(VIEWS):
        path, rng = folder / "lakehouse" / _table_name(view), np.random.default_rng([SEED, view])
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        for start in range(0, count, _CHUNK):
            write_deltalake(path, _draw(customers[start : start + _CHUNK], rng), mode="append")
    return Market(folder, customers)


def _table_name(view: int) -> str:
    return f"gold/{view_name(view)}"


def _draw(customers: tuple[str, ...], rng: np.random.Generator) -> pa.Table:
    count = len(customers)
    seconds = rng.integers(0, 80 * 86_400, count)
    moments = np.datetime64(START.replace(tzinfo=None), "us") + seconds.astype("timedelta64[s]")
    columns: dict[str, Any] = {
        "customer_id": pa.array(customers),
        "event_timestamp": pa.array(moments, pa.timestamp("us", tz="UTC")),
    }
    for place, form in enumerate(FORMS):
        columns[f"f{place}"] = pa.array(_values(form, count, rng), mask=rng.random(count) < _NULLS, type=_TYPES[form])
    return pa.table(columns)


_TYPES = {
    Float64: pa.float64(), Int64: pa.int64(), String: pa.string(), Bool: pa.bool_(), Float32: pa.float32(),
    Int32: pa.int32(), UnixTimestamp: pa.timestamp("us", tz="UTC"), Array(Float64): pa.list_(pa.float64()),
}  # fmt: skip


def _values(form: FeastType, count: int, rng: np.random.Generator) -> Any:
    if form in (Int64, Int32):
        return rng.integers(-(10**6), 10**6, count)
    if form == String:
        return rng.choice(np.array(["organic", "delivery", "토요일 저녁", "", "premium pasta"], dtype=object), count)
    if form == Bool:
        return rng.random(count) < 0.5
    if form == UnixTimestamp:
        return np.datetime64("2026-01-01", "us") + rng.integers(0, 10**7, count).astype("timedelta64[s]")
    if isinstance(form, Array):
        flat = np.round(rng.random((count, 3)), 6)
        rows = np.empty(count, dtype=object)
        rows[:] = list(flat)
        return rows
    values = rng.normal(50, 20, count)
    return values.astype(np.float32) if form == Float32 else values


def view_name(view: int) -> str:
    """Return the name of a view by its number."""
    return f"view_{view}"


SERVED_COLUMNS = tuple(
    (view_name(view), tuple(f"f{(view + n) % COLUMNS}" for n in range(SERVED))) for view in range(VIEWS)
)
"""The 20 features that the measured service has, by view."""


def _feature(place: int, form: FeastType) -> Feature:
    kind = next((kind for kind, known in FEAST_TYPES.items() if known == form), FeatureType.FLOAT64)
    kind = FeatureType.INT64 if form == Int32 else kind
    return Feature(f"f{place}", "bench_push", kind, "", None, None, "", frozenset(), None)


FEATURES = Described(
    "bench_push", "gold/bench_push", "event_timestamp", tuple(_feature(place, form) for place, form in enumerate(FORMS))
)
"""A view of ten features for pushes without Feast."""


def open_feast(market: Market, online: dict[str, Any], name: str, *, engine: str = "local") -> FeatureStore:
    """Return Feast's feature store over the market with an online store; its views and one service are registered."""
    config = RepoConfig(
        project="bench", provider="local", registry=str(market.folder / f"{name}.db"), online_store=online,
        offline_store={"type": OFFLINE, "root": str(market.folder / "lakehouse"), "time_zone": "UTC"},
        batch_engine={"type": engine}, entity_key_serialization_version=3,
        # Without it, Feast makes the values of a whole view at once, which takes some gigabytes of memory.
        materialization={"online_write_batch_size": 20_000},
    )  # fmt: skip
    store = FeatureStore(config=config)
    customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
    schema = [Field(name="customer_id", dtype=String)]
    schema += [Field(name=f"f{place}", dtype=form) for place, form in enumerate(FORMS)]
    views = [
        FeatureView(
            name=view_name(view), entities=[customer], schema=schema, ttl=timedelta(0),
            source=PushSource(name=f"push_{view}", batch_source=DeltaSource(
                name=_table_name(view), table=ViewTable(_table_name(view), "event_timestamp", is_daily=False),
            )),
        )
        for view in range(VIEWS)
    ]  # fmt: skip
    served = [view[list(names)] for view, (_, names) in zip(views, SERVED_COLUMNS, strict=True)]
    store.apply([customer, *views, FeatureService(name="served", features=served)])
    return store


def our_store(market: Market, name: str, url: Path | None = None) -> dict[str, Any]:
    """Return Feast's settings of our online store: in a folder of the market, or on the server of a file's URL."""
    return {"type": TYPE, "location": str(url or market.folder / name), "is_server": url is not None}
