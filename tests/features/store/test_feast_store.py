"""Feast's API over the online store: the values of Feast's own SQLite store, pushes, views that go, and refusals."""

import random
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, PushSource, RepoConfig, ValueType
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
from feast.types import Array, Bool, Bytes, FeastType, Float32, Float64, Int32, Int64, Json, String, UnixTimestamp

from features.store.errors import ValueRefused
from features.store.feast_store import TYPE
from features.store.lmdb_store import LmdbStore
from features.store.online_store import ValueKind

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CUSTOMERS = [f"c_{number:03}" for number in range(60)]
FORMS: dict[str, tuple[FeastType, list[Any]]] = {
    "total": (Float64, [0.1, -1e300, float("nan")]),
    "orders": (Int64, [0, -5, 2**40]),
    "store": (String, ["", "보자기", "a\0b"]),
    "member": (Bool, [True, False]),
    "seen": (UnixTimestamp, [NOON, datetime(1960, 1, 1, 0, 0, 1, tzinfo=UTC)]),
    "share": (Float32, [0.1, 2.5]),
    "visits": (Int32, [-(2**31), 7]),
    "code": (Bytes, [b"", b"\xff"]),
    "embedding": (Array(Float64), [[0.5, 1.5], []]),
    "brands": (Array(String), [["a", "b"], [""]]),
    "days": (Array(Int64), [[1], [2, 3]]),
}
NAMES = [f"{view}:{name}" for view in ("one", "two") for name in FORMS]

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::RuntimeWarning")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Parquet file with two rows of each customer; a quarter of the values is null."""
    rng, path = random.Random(18), tmp_path_factory.mktemp("source") / "rows.parquet"
    rows = [
        {"customer_id": customer, "event_timestamp": NOON + timedelta(hours=hour)}
        | {name: None if rng.random() < 0.25 else rng.choice(values) for name, (_, values) in FORMS.items()}
        for customer in CUSTOMERS[:50]
        for hour in (0, 1)
    ]
    rng.shuffle(rows)
    frame = pd.DataFrame(rows).astype({"orders": "Int64", "visits": "Int32", "share": "float32", "member": "boolean"})
    frame.to_parquet(path)
    return path


def views_of(source: Path, **others: FeastType) -> list[Any]:
    """Return the entity and two views of the same rows."""
    customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
    fields = {name: form for name, (form, _) in FORMS.items()} | others
    schema = [Field(name=name, dtype=form) for name, form in {"customer_id": String, **fields}.items()]
    file = FileSource(path=str(source), timestamp_field="event_timestamp")
    return [customer] + [
        FeatureView(name=name, entities=[customer], schema=schema, ttl=timedelta(0),
                    source=PushSource(name=f"{name}_push", batch_source=file))
        for name in ("one", "two")
    ]  # fmt: skip


def feast_over(folder: Path, online: dict[str, Any], *, engine: str = "local", project: str = "shop") -> FeatureStore:
    """Return Feast's store of a project with an online store."""
    config = RepoConfig(
        project=project, provider="local", registry=str(folder / f"{project}_{online['type']}.db"), online_store=online,
        offline_store={"type": "file"}, batch_engine={"type": engine}, entity_key_serialization_version=3,
    )  # fmt: skip
    return FeatureStore(config=config)


@pytest.fixture
def ours(tmp_path: Path, source: Path) -> FeatureStore:
    """Feast over our store, with the views registered."""
    store = feast_over(tmp_path, {"type": TYPE, "location": str(tmp_path / "online")})
    store.apply(views_of(source))
    return store


def looked_up(store: FeatureStore, customers: list[str], names: list[str] = NAMES) -> dict[str, list[Any]]:
    """Return the values by feature."""
    entities = {"customer_id": customers}
    return store.get_online_features(names, entities, full_feature_names=True).to_dict()


def comparable(value: Any) -> Any:
    """Return a value with its type; for a number that is not a number, its text."""
    return type(value).__name__, [*map(comparable, value)] if isinstance(value, list) else repr(value)


def test_the_values_are_those_of_feasts_own_store(tmp_path: Path, source: Path) -> None:
    asked, found = random.Random(1).sample(CUSTOMERS, len(CUSTOMERS)), []
    for online, engine in (
        ({"type": "sqlite", "path": str(tmp_path / "own.db")}, "local"),
        ({"type": TYPE, "location": str(tmp_path / "local")}, "local"),
        ({"type": TYPE, "location": str(tmp_path / "arrow")}, "features.store.feast_engine.ArrowEngine"),
    ):
        store = feast_over(tmp_path, online, engine=engine)
        store.apply(views_of(source))
        store.materialize(NOON - timedelta(1), NOON + timedelta(1))
        found.append({name: [*map(comparable, values)] for name, values in looked_up(store, asked).items()})
    assert len(found[0]["one__orders"]) == len(asked)
    assert found[1] == found[0]
    assert found[2] == found[0]


def test_an_unknown_customer_is_null_with_a_status(ours: FeatureStore) -> None:
    ours.materialize(NOON - timedelta(1), NOON + timedelta(1))
    answer = ours.get_online_features(["one:orders"], {"customer_id": ["c_000", "nobody"]}).proto
    (place,) = [at for at, name in enumerate(answer.metadata.feature_names.val) if name == "orders"]
    assert list(answer.results[place].statuses) == [FieldStatus.PRESENT, FieldStatus.NOT_FOUND]


def test_a_push_is_readable_at_once_and_an_older_one_changes_nothing(ours: FeatureStore) -> None:
    ours.materialize(NOON - timedelta(1), NOON + timedelta(1))
    row = {name: [values[0]] for name, (_, values) in FORMS.items()} | {"customer_id": ["c_007"]}
    before = looked_up(ours, ["c_007"], ["two:orders"])
    for hour, orders in ((5, 77), (-5, 66)):
        pushed = pd.DataFrame(row | {"orders": [orders], "event_timestamp": [NOON + timedelta(hours=hour)]})
        ours.push("one_push", pushed)
        assert looked_up(ours, ["c_007"], ["one:orders"])["one__orders"] == [77]
    assert looked_up(ours, ["c_007"], ["two:orders"]) == before


def test_a_view_that_goes_takes_its_values_along(ours: FeatureStore, tmp_path: Path) -> None:
    ours.materialize(NOON - timedelta(1), NOON + timedelta(1))
    ours.apply([], objects_to_delete=[ours.get_feature_view("two")], partial=False)
    with closing(LmdbStore(tmp_path / "online", "shop")) as store:
        assert [set(row) for row in store.read(CUSTOMERS[:50]) if row] == [{"one"}] * 50
    ours.teardown()
    with closing(LmdbStore(tmp_path / "online", "shop")) as store:
        assert list(store.customers()) == []


def test_two_projects_of_one_folder_have_their_own_values(ours: FeatureStore, tmp_path: Path, source: Path) -> None:
    other = feast_over(tmp_path, {"type": TYPE, "location": str(tmp_path / "online")}, project="other")
    other.apply(views_of(source))
    ours.materialize(NOON - timedelta(1), NOON + timedelta(1))
    assert looked_up(other, ["c_001"], ["one:store"])["one__store"] == [None]
    other.teardown()
    assert len(looked_up(ours, CUSTOMERS[:50], ["one:orders"])["one__orders"]) == 50


def test_a_wall_time_stays_one(tmp_path: Path, source: Path) -> None:
    entity, any_view, _ = views_of(source)
    fields = [
        Field(name="customer_id", dtype=String),
        Field(name="seen", dtype=UnixTimestamp, tags={"kind": "wall_time"}),
    ]
    view = FeatureView(name="one", entities=[entity], schema=fields, source=any_view.stream_source)
    store = feast_over(tmp_path, {"type": TYPE, "location": str(tmp_path / "online")})
    store.apply([entity, view])
    store.push("one_push", pd.DataFrame({"customer_id": ["c_1"], "event_timestamp": [NOON], "seen": [NOON]}))
    with closing(LmdbStore(tmp_path / "online", "shop")) as opened:
        row = opened.read(["c_1"])[0]
    assert row is not None
    assert (row["one"].schema.columns, row["one"].values) == (
        (("seen", ValueKind.WALL_TIME),), [NOON.replace(tzinfo=None)],
    )  # fmt: skip
    assert looked_up(store, ["c_1"], ["one:seen"])["one__seen"] == [NOON]


def test_views_that_the_store_cannot_keep_are_refused_when_they_are_applied(tmp_path: Path, source: Path) -> None:
    store = feast_over(tmp_path, {"type": TYPE, "location": str(tmp_path / "online")})
    with pytest.raises(ValueRefused, match="Feast's type JSON"):
        store.apply(views_of(source, basket=Json))
    household = Entity(name="household", join_keys=["household_id"], value_type=ValueType.STRING)
    view = FeatureView(
        name="home", entities=[household], source=FileSource(path=str(source), timestamp_field="event_timestamp"),
        schema=[Field(name="household_id", dtype=String), Field(name="x", dtype=Int64)],
    )  # fmt: skip
    with pytest.raises(ValueRefused, match="keys household_id; expected customer_id"):
        store.apply([household, view])
