"""Measures the online store: reads, equality with Feast's own stores, materialisation and pushes.

Feast's SQLite and Redis stores, Feast over our store, and raw reads of packed rows run in the same process, in turn.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import lmdb
import msgpack
import numpy as np
import pandas as pd
from feast import FeatureService, FeatureStore

from bench.claim import Claim
from bench.features.feast_market import (
    END,
    FEATURES,
    SEED,
    SERVED_COLUMNS,
    START,
    Market,
    draw_market,
    open_feast,
    our_store,
)
from bench.features.redis_server import redis_server
from features.repo.push import push_values
from features.store.lmdb_store import LmdbStore
from features.store.online_store import OnlineStore
from features.store.redis_store import RedisStore

ENGINE = "features.store.feast_engine.ArrowEngine"
PROJECT, PUSHES = "bench", 50
BLOCK_SECONDS = 0.4
"""Time of one reader before the next one takes its turn, so that all of them meet the same load of the machine."""
Reader = Callable[[Sequence[str]], object]


def measure(folder: Path, customers: int, seconds: float, lookups: int) -> None:
    """Measure reads, equality and pushes with a market of this size."""
    market = draw_market(folder / f"market_{customers}", customers)
    with ExitStack() as stack:
        port = stack.enter_context(redis_server(folder))
        feasts = {"Feast, SQLite": open_feast(market, _sqlite(market), "sqlite")}
        ours = open_feast(market, our_store(market, "ours"), "ours", engine=ENGINE)
        stores: dict[str, OnlineStore] = {}
        if port is not None:
            feasts["Feast, Redis"] = open_feast(
                market, {"type": "redis", "connection_string": f"127.0.0.1:{port}"}, "redis"
            )
            url = folder / "redis_url"
            url.touch(0o600)
            url.write_text(f"redis://127.0.0.1:{port}/1")
            remote = open_feast(market, our_store(market, "", url), "ours_redis", engine=ENGINE)
            stores["Redis"] = stack.enter_context(closing(RedisStore(url.read_text(), PROJECT)))
            feasts["Feast, our Redis store"] = remote
        feasts["Feast, our store"] = ours
        for name, feast in feasts.items():
            begun = time.perf_counter()
            feast.materialize(START, END)
            _note(f"{name}: {customers:,} customers materialised in {time.perf_counter() - begun:.1f} s")
        stores["LMDB"] = stack.enter_context(closing(LmdbStore(market.folder / "ours", PROJECT)))
        measure_reads(market, stores, feasts, seconds)
        compare(market, stores, feasts, lookups)
        for name, feast in feasts.items():
            measure_feast_push(market, name, feast)
        for name, store in stores.items():
            measure_push(market, name, store)


def measure_reads(
    market: Market, stores: dict[str, OnlineStore], feasts: dict[str, FeatureStore], seconds: float
) -> None:
    """Measure the time of one read of 1 and 100 customers by 20 features, by each reader in turn."""
    readers: dict[str, Reader] = {
        "raw LMDB": _raw_lmdb(market, stores["LMDB"]),
        "raw SQLite": _raw_sqlite(market, stores["LMDB"]),
    }
    for name, store in stores.items():
        readers[f"our store, {name}"] = partial(_select, store)
    for name, feast in feasts.items():
        readers[name] = partial(_feast_read, feast, feast.get_feature_service("served"))
    for size in (100, 1):
        times: dict[str, list[float]] = {name: [] for name in readers}
        rng = random.Random(SEED)
        until = time.monotonic() + seconds * len(readers)
        while time.monotonic() < until:
            for name, read in readers.items():
                block = time.monotonic() + BLOCK_SECONDS
                while time.monotonic() < block:
                    chosen = rng.sample(market.customers, size)
                    begun = time.perf_counter_ns()
                    read(chosen)
                    times[name].append((time.perf_counter_ns() - begun) / 1e6)
        for percent in (50, 99):
            found = {name: float(np.percentile(taken, percent)) for name, taken in times.items()}
            for name, value in found.items():
                peer = "raw LMDB" if name.startswith("our store") else ""
                Claim(
                    f"{size} × 20 read, p{percent}: {name}", value, "ms", found.get(peer), peer, runs=len(times[name])
                ).print_json()


def _select(store: OnlineStore, chosen: Sequence[str]) -> object:
    return store.select(chosen, SERVED_COLUMNS)


def _feast_read(feast: FeatureStore, service: FeatureService, chosen: Sequence[str]) -> dict[str, list[Any]]:
    entities = {"customer_id": list(chosen)}
    return feast.get_online_features(service, entities, full_feature_names=True).to_dict()


def compare(market: Market, stores: dict[str, OnlineStore], feasts: dict[str, FeatureStore], lookups: int) -> None:
    """Compare values, types and nulls of random look-ups; a tenth of the customers does not exist."""
    rng, done, differing = random.Random(SEED + 1), 0, dict.fromkeys([*feasts, *stores], 0)
    references = {name: feasts[name] for name in ("Feast, SQLite", "Feast, Redis") if name in feasts}
    names = [name for _, columns in SERVED_COLUMNS for name in columns]
    while done < lookups:
        chosen = [*rng.sample(market.customers, 90), *(f"unknown_{rng.random()}" for _ in range(10))]
        rng.shuffle(chosen)
        found = {name: _feast_rows(feast, chosen) for name, feast in feasts.items()}
        truth = found[next(iter(references))]
        for name, rows in found.items():
            differing[name] += differences(truth, rows)
        for name, store in stores.items():
            rows = [
                [None] * len(names) if one is None else [*one.values] for one in store.select(chosen, SERVED_COLUMNS)
            ]
            differing[name] += differences(truth, rows)
        done += len(chosen) * len(names)
    for name, count in differing.items():
        Claim(f"look-ups that differ from Feast's SQLite store: {name}", count, f"of {done:,}", bar=0).print_json()


def _feast_rows(feast: FeatureStore, chosen: list[str]) -> list[list[Any]]:
    answer = _feast_read(feast, feast.get_feature_service("served"), chosen)
    columns = [answer[f"{view}__{name}"] for view, names in SERVED_COLUMNS for name in names]
    return [list(row) for row in zip(*columns, strict=True)]


def differences(truth: list[list[Any]], rows: list[Any]) -> int:
    """Return how many values differ from the truth, in value or in type."""
    pairs = [pair for one, other in zip(truth, rows, strict=True) for pair in zip(one, other, strict=True)]
    return sum(type(one) is not type(other) or one != other for one, other in pairs)


def measure_push(market: Market, name: str, store: OnlineStore) -> None:
    """Measure the time from the push of one row until a read of another connection returns it."""
    reader: OnlineStore = LmdbStore(market.folder / "ours", PROJECT, verify=False) if name == "LMDB" else store
    columns, taken = ((FEATURES.name, ("f2",)),), []
    for number in range(PUSHES):
        customer, moment = market.customers[number * 7 + 1], END + timedelta(seconds=number)
        begun = time.perf_counter()
        push_values(store, FEATURES, customer, moment, {"f0": float(number), "f1": number, "f2": f"pushed {number}"})
        while [row.values if row else None for row in reader.select([customer], columns)] != [[f"pushed {number}"]]:
            pass
        taken.append((time.perf_counter() - begun) * 1000)
    claim = f"one-row push until readable, p50: Bojagi, {name}"
    Claim(claim, float(np.median(taken)), "ms", bar=10, runs=PUSHES).print_json()


def measure_feast_push(market: Market, name: str, feast: FeatureStore) -> None:
    """Measure the same through Feast's `push` and `get_online_features`."""
    taken = []
    for number in range(PUSHES):
        customer, moment = market.customers[number * 7], END + timedelta(seconds=number)
        row = pd.DataFrame({
            "customer_id": [customer], "event_timestamp": [moment], "f0": [float(number)], "f1": [number],
            "f2": [f"pushed {number}"], "f3": [True], "f4": [datetime(2026, 5, 1, tzinfo=UTC)],
            "f5": np.array([0.5], np.float32), "f6": np.array([1], np.int32), "f7": [[1.0, 2.0]], "f8": [1.5],
            "f9": ["x"],
        })  # fmt: skip
        begun = time.perf_counter()
        feast.push("push_2", row)
        while _pushed(feast, customer) != f"pushed {number}":
            pass
        taken.append((time.perf_counter() - begun) * 1000)
    Claim(f"one-row push until readable, p50: {name}", float(np.median(taken)), "ms", runs=PUSHES).print_json()


def _pushed(feast: FeatureStore, customer: str) -> Any:
    return feast.get_online_features(["view_2:f2"], {"customer_id": [customer]}).to_dict()["f2"][0]


def measure_materialisation(folder: Path, customers: int, peer: bool) -> None:
    """Measure the materialisation of 50 features of all customers, through Feast's API, and then of no change."""
    market = draw_market(folder / f"market_{customers}", customers)
    seconds: dict[str, float] = {}
    chosen = [("our store", our_store(market, "bulk"), ENGINE)]
    if peer:
        chosen.append(("Feast, SQLite", _sqlite(market, "bulk.sqlite"), "local"))
    for name, online, engine in chosen:
        feast = open_feast(market, online, f"bulk_{name[:3]}", engine=engine)
        begun = time.perf_counter()
        feast.materialize(START, END)
        seconds[name] = time.perf_counter() - begun
        _note(f"{name}: {customers:,} customers × 50 features in {seconds[name]:.1f} s")
    label = f"{customers:,} customers × 50 features materialised"
    Claim(
        label, seconds["our store"], "s", seconds.get("Feast, SQLite"), "Feast, SQLite", bar=0.2, on_ratio=True
    ).print_json()
    begun = time.perf_counter()
    with closing(LmdbStore(market.folder / "bulk", PROJECT)) as store:
        Claim(f"{customers:,} customers, opened and checked", time.perf_counter() - begun, "s").print_json()
        begun = time.perf_counter()
        store.delete(market.customers[:1000])
        store.compact()
        taken = time.perf_counter() - begun
        Claim(f"1,000 of {customers:,} customers deleted, and their bytes gone", taken, "s", bar=60).print_json()


def _raw_lmdb(market: Market, store: OnlineStore) -> Reader:
    path = market.folder / "raw_lmdb"
    path.mkdir(exist_ok=True)
    files = lmdb.open(str(path), map_size=1 << 34, metasync=False)

    def write(rows: Iterable[tuple[bytes, bytes]]) -> None:
        with files.begin(write=True) as txn:
            for key, row in rows:
                txn.put(key, row)

    _measure_raw_writes("LMDB", _packed(market, store), write)

    def read(chosen: Sequence[str]) -> object:
        with files.begin() as txn:
            return [msgpack.unpackb(txn.get(name.encode())) for name in chosen]

    return read


def _raw_sqlite(market: Market, store: OnlineStore) -> Reader:
    files = sqlite3.connect(market.folder / "raw.sqlite")
    files.execute("DROP TABLE IF EXISTS packed")
    files.execute("CREATE TABLE packed (customer_id BLOB PRIMARY KEY, content BLOB) WITHOUT ROWID")
    files.execute("PRAGMA journal_mode = WAL")
    files.execute("PRAGMA synchronous = FULL")

    def write(rows: Iterable[tuple[bytes, bytes]]) -> None:
        files.executemany("INSERT OR REPLACE INTO packed VALUES (?, ?)", rows)
        files.commit()

    _measure_raw_writes("SQLite", _packed(market, store), write)

    def read(chosen: Sequence[str]) -> object:
        marks = ",".join("?" * len(chosen))
        query = f"SELECT customer_id, content FROM packed WHERE customer_id IN ({marks})"
        found = dict(files.execute(query, [name.encode() for name in chosen]))
        return [msgpack.unpackb(found[name.encode()]) for name in chosen]

    return read


def _measure_raw_writes(
    name: str, rows: list[tuple[bytes, bytes]], write: Callable[[Iterable[tuple[bytes, bytes]]], None]
) -> None:
    begun = time.perf_counter()
    write(rows)
    Claim(f"{len(rows):,} packed rows in one commit: raw {name}", time.perf_counter() - begun, "s").print_json()
    taken = []
    for row in rows[:PUSHES]:
        begun = time.perf_counter()
        write([row])
        taken.append((time.perf_counter() - begun) * 1000)
    Claim(f"one-row durable commit, p50: raw {name}", float(np.median(taken)), "ms", runs=PUSHES).print_json()


def _packed(market: Market, store: OnlineStore) -> list[tuple[bytes, bytes]]:
    """Return the 20 served values of each customer as one packed row."""
    rows = store.select(market.customers, SERVED_COLUMNS)
    pairs = zip(market.customers, rows, strict=True)
    return [(name.encode(), msgpack.packb(row.values if row else [], default=str)) for name, row in pairs]


def _sqlite(market: Market, name: str = "online.sqlite") -> dict[str, Any]:
    return {"type": "sqlite", "path": str(market.folder / name)}


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
