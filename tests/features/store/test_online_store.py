"""Both stores: values, nulls and times as written, against a dictionary; projects apart; deleted bytes are gone."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from features.store.errors import StoreUnavailable, ValueRefused
from features.store.online_store import (
    Absent,
    OnlineStore,
    StoredRow,
    ValueKind,
    ViewSchema,
    WriteCount,
    microseconds_of,
)
from features.store.redis_store import RedisStore
from tests.database_server import free_port

Opening = Callable[[str], OnlineStore]
NOON = microseconds_of(datetime(2026, 3, 1, 12, tzinfo=UTC))
SPEND = ViewSchema("spend", (("total", ValueKind.FLOAT64), ("orders", ValueKind.INT64), ("store", ValueKind.STRING)))
KINDS: dict[ValueKind, list[Any]] = {
    ValueKind.INT32: [0, -(2**31), 2**31 - 1],
    ValueKind.INT64: [-(2**63), 2**63 - 1],
    ValueKind.FLOAT32: [0.5, float("inf")],
    ValueKind.FLOAT64: [0.1, -1e308],
    ValueKind.STRING: ["", "보자기\0"],
    ValueKind.BOOL: [True, False],
    ValueKind.BYTES: [b"", b"\xff\0"],
    ValueKind.TIMESTAMP: [datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)],
    ValueKind.WALL_TIME: [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)],
    ValueKind.INT64_LIST: [[], [1, 2]],
    ValueKind.FLOAT32_LIST: [[0.5]],
    ValueKind.FLOAT64_LIST: [[0.1, 0.2]],
    ValueKind.STRING_LIST: [["a", ""]],
    ValueKind.BOOL_LIST: [[True]],
    ValueKind.TIMESTAMP_LIST: [[datetime(1970, 1, 1, tzinfo=UTC)]],
}


def values_of(row: StoredRow | None) -> dict[str, tuple[int, dict[str, Any]]]:
    """Return event time and values by view."""
    return {name: (view.event_time_us, view.as_dict()) for name, view in (row or {}).items()}


COLUMNS = (("a", ("x1", "x0")), ("c", ("x2",)))


def selection_of(views: dict[str, tuple[int, dict[str, Any]]] | None) -> list[Any] | None:
    """Return what a selection of these columns must have: event times, values, and whether none is absent."""
    if views is None:
        return None
    held = [views.get(view, (None, {})) for view, _ in COLUMNS]
    values = [
        row.get(name, Absent.ABSENT) for (_, row), (_, names) in zip(held, COLUMNS, strict=True) for name in names
    ]
    return [tuple(time for time, _ in held), values, Absent.ABSENT not in values]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_comes_back_as_it_was_written(store: OnlineStore, kind: ValueKind) -> None:
    values = [*KINDS[kind], None]
    customers = [f"c_{place}" for place in range(len(values))]
    store.write(ViewSchema("one", (("x", kind),)), customers, [NOON] * len(values), [[value] for value in values])
    found = [row["one"].values[0] for row in store.read(customers) if row]
    assert [(type(value), value) for value in found] == [(type(value), value) for value in values]
    selected = [one.values for one in store.select(customers, (("one", ("x",)),)) if one]
    assert [(type(value), value) for (value,) in selected] == [(type(value), value) for value in values]


def test_a_missing_customer_is_none_and_a_missing_view_is_absent(store: OnlineStore) -> None:
    store.write(SPEND, ["c_1"], [NOON], [[1.5, 2, None]])
    rows = store.read(["c_2", "c_1", "", "c_1" * 300, "\ud800"], ["spend", "visits"])
    assert [values_of(row) for row in rows] == [
        {}, {"spend": (NOON, {"total": 1.5, "orders": 2, "store": None})}, {}, {}, {},
    ]  # fmt: skip
    assert rows[0] is None


def test_each_view_has_its_own_event_time(store: OnlineStore) -> None:
    visits = ViewSchema("visits", (("count", ValueKind.INT64),))
    store.write(SPEND, ["c_1"], [NOON], [[1.5, 2, "a"]])
    store.write(visits, ["c_1"], [NOON + 7], [[3]])
    row = store.read(["c_1"])[0]
    assert row is not None
    assert {name: view.event_time_us for name, view in row.items()} == {"spend": NOON, "visits": NOON + 7}


def test_a_write_changes_only_what_is_new(store: OnlineStore) -> None:
    rows: list[list[Any]] = [[1.0, 1, "a"], [2.0, 2, "b"], [3.0, 3, "c"]]
    names = ["c_1", "c_2", "c_3"]
    assert store.write(SPEND, names, [NOON] * 3, rows) == WriteCount(written=3)
    before = store.read(names)
    changed = [rows[0], [2.5, 2, "b"], [9.0, 9, "z"]]
    assert store.write(SPEND, names, [NOON, NOON, NOON - 1], changed) == WriteCount(1, 1, 1)
    after = store.read(names)
    assert (after[0], after[2]) == (before[0], before[2])  # with the time of the write
    assert values_of(after[1])["spend"] == (NOON, {"total": 2.5, "orders": 2, "store": "b"})


def test_writes_of_a_group_are_read_after_it(store: OnlineStore) -> None:
    visits = ViewSchema("visits", (("count", ValueKind.INT64),))
    with store.grouped():
        store.write(SPEND, ["c_1"], [NOON], [[1.0, 1, "a"]])
        store.write(visits, ["c_1"], [NOON], [[3]])
    assert {name: view.values for name, view in (store.read(["c_1"])[0] or {}).items()} == {
        "spend": [1.0, 1, "a"], "visits": [3],
    }  # fmt: skip


def test_random_operations_agree_with_a_dictionary(opening: Opening) -> None:
    rng, store = random.Random(18), opening("shop")
    truth: dict[str, dict[str, tuple[int, dict[str, Any]]]] = {}
    names = [f"c_{number}" for number in range(40)]
    for step in range(150):
        chosen = rng.choices(names, k=rng.randrange(1, 12))
        action = rng.choice(["write"] * 8 + ["delete", "drop", "compact", "reopen"])
        if action == "write":
            view, width = rng.choice(["a", "b", "c"]), rng.randrange(1, 4)
            columns = tuple((f"x{place}", ValueKind.INT64) for place in range(width))
            times = [NOON + rng.randrange(step + 2) for _ in chosen]
            rows = [[rng.choice([None, rng.randrange(9)]) for _ in columns] for _ in chosen]
            store.write(ViewSchema(view, columns), chosen, times, rows)
            for name, time, row in zip(chosen, times, rows, strict=True):
                held = truth.setdefault(name, {})
                if view not in held or time >= held[view][0]:
                    held[view] = (time, {f"x{place}": value for place, value in enumerate(row)})
        elif action == "delete":
            assert store.delete(chosen) == len({name for name in chosen if truth.pop(name, None)})
        elif action == "drop":
            store.drop([view := rng.choice(["a", "b", "c", "d"])])
            for name in list(truth):
                truth[name].pop(view, None)
                if not truth[name]:
                    del truth[name]
        elif action == "compact":
            store.compact()
        elif step % 10 == 0:
            store = opening("shop")
        assert [values_of(row) for row in store.read(names)] == [truth.get(name, {}) for name in names]
        assert set(store.customers()) == set(truth)
        selected = store.select(names, COLUMNS)
        assert [one and [one.event_times_us, [*one.values], one.is_whole] for one in selected] == [
            selection_of(truth.get(name)) for name in names
        ]


def test_projects_of_one_place_have_nothing_in_common(opening: Opening) -> None:
    one, two = opening("one"), opening("two")
    one.write(SPEND, ["c_1", "c_2"], [NOON] * 2, [[1.0, 1, "a"]] * 2)
    two.write(ViewSchema("spend", (("total", ValueKind.STRING),)), ["c_1"], [NOON], [["other"]])
    assert two.read(["c_2"]) == [None]
    assert two.delete(["c_2"]) == 0
    two.drop(["spend"])
    two.compact()
    assert (list(two.customers()), sorted(one.customers())) == ([], ["c_1", "c_2"])
    assert values_of(one.read(["c_1"])[0])["spend"] == (NOON, {"total": 1.0, "orders": 1, "store": "a"})


@pytest.mark.parametrize("name", ["", "../one", "One", "a:b", "a*", "x" * 64])
def test_a_project_name_that_could_reach_another_is_refused(opening: Opening, name: str) -> None:
    with pytest.raises(ValueRefused, match="project name"):
        opening(name)


def test_a_deletion_leaves_no_bytes_after_a_compaction(place: tuple[Opening, Path]) -> None:
    opening, folder = place
    store, other = opening("shop"), opening("shop")
    names = [f"c_{number:05}" for number in range(500)]
    secrets = [f"secret-of-{name}" for name in names]
    store.write(SPEND, names, [NOON] * 500, [[1.0, 1, secret] for secret in secrets])
    store.write(SPEND, names[:250], [NOON + 1] * 250, [[1.0, 1, "replaced"]] * 250)
    other.read(names)  # a reader with the files open
    assert store.delete(names[250:]) == 250
    held = _bytes_below(folder)
    assert secrets[0].encode() in held  # negative control: without a compaction the bytes are found
    assert secrets[300].encode() in held
    store.compact()
    held = _bytes_below(folder)
    assert not [secret for secret in secrets if secret.encode() in held]
    assert not [name for name in names[250:] if name.encode() in held]
    assert [values_of(row)["spend"][1]["store"] for row in other.read(names[:250])] == ["replaced"] * 250
    assert store.read(names[250:]) == other.read(names[250:]) == [None] * 250


def _bytes_below(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ValueKind.INT64, 2**63), (ValueKind.INT64, True), (ValueKind.INT64, 1.0), (ValueKind.INT32, 2**31),
        (ValueKind.STRING, b"x"), (ValueKind.BOOL, 1), (ValueKind.FLOAT32, 1e40),
        (ValueKind.TIMESTAMP, datetime(2026, 1, 1)), (ValueKind.WALL_TIME, datetime(2026, 1, 1, tzinfo=UTC)),
        (ValueKind.STRING_LIST, "abc"), (ValueKind.INT64_LIST, [1, None]),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_refused_without_its_text(store: OnlineStore, kind: ValueKind, value: Any) -> None:
    with pytest.raises(ValueRefused, match=r"one:x: .*kind") as refusal:
        store.write(ViewSchema("one", (("x", kind),)), ["c_1"], [NOON], [[value]])
    assert str(value) not in str(refusal.value)
    assert store.read(["c_1"]) == [None]


def test_a_server_that_does_not_answer_is_reported_without_its_password() -> None:
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:\d+ cannot be used") as refusal:
        RedisStore(f"redis://:hunter2@127.0.0.1:{free_port()}/0", "shop")
    assert "hunter2" not in str(refusal.value)
