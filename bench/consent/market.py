"""Draws the data of `bench.consent`: consents of a million customers in a store, ten million events in a lakehouse."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from installation.contract.document import load_contracts
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from privacy.consent.policy import built_in_policy
from privacy.consent.rows import RECORD_SCHEMA
from privacy.consent.store import ConsentStore

EVENT_TABLE = "silver/touchpoint_event"
PURPOSES = ("analytics", "personalisation", "marketing", "research")
SEED = 20260601
PART = 1_000_000
DAYS_A_PART = 15
_START = np.datetime64("2026-01-01", "us")
_SECOND = np.timedelta64(1, "s")
_STORED_AT_ONCE = 50_000
_AT = ("effective_at", "recorded_at")


def customer_names(customers: int) -> npt.NDArray[np.str_]:
    """Return customer identifiers of the usual length."""
    return np.char.add("c_", np.char.zfill(np.arange(customers).astype(str), 26))


def draw_records(customers: int, rng: np.random.Generator) -> pa.Table:
    """Return records on four purposes for each customer; a third have a second record, a withdrawal or a renewal."""
    first = customers * len(PURPOSES)
    again = rng.choice(first, first // 3, replace=False)
    slot = np.concatenate([np.arange(first), again])
    start = np.datetime64("2025-01-01", "us") + rng.integers(0, 300 * 86_400, len(slot)) * _SECOND
    start[first:] += np.timedelta64(200, "D")
    states = np.where(rng.random(len(slot)) < 0.75, "given", "refused")
    states[first:] = np.where(rng.random(len(again)) < 0.5, "withdrawn", "renewed")
    size = len(slot)
    drawn = {
        "record_id": pa.array(np.char.add("r_", np.arange(size).astype(str))),
        "subject_id": pa.array(customer_names(customers)).take(pa.array(slot // len(PURPOSES))),
        "purpose": pa.array(PURPOSES).take(pa.array(slot % len(PURPOSES))),
        "state": pa.array(states),
        "effective_at": pa.array(start, pa.timestamp("us")),
        "recorded_at": pa.array(start, pa.timestamp("us")),
        "age_years": pa.array(np.full(size, 40, np.int32)),
    }
    same = {
        "controller": "Shop", "data_categories": "pd:Purchase", "jurisdiction": "KR", "expressed_by": "self",
        "asked": "separately", "notice_version": "2025.1", "notice_language": "ko", "method": "web_form",
        "evidence_hash": "0" * 64,
    }  # fmt: skip
    columns = [
        drawn[f.name] if f.name in drawn else pa.repeat(pa.scalar(same.get(f.name), f.type), size)
        for f in RECORD_SCHEMA
    ]
    return pa.table(columns, schema=RECORD_SCHEMA)


def fill_store(path: Path, records: pa.Table) -> None:
    """Insert the records directly into the tables of a consent store; the checks of `append` are not measured."""
    ConsentStore(path, built_in_policy().taxonomy).close()
    marks = ", ".join("?" * len(RECORD_SCHEMA))
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.executemany(f"INSERT INTO record ({', '.join(RECORD_SCHEMA.names)}) VALUES ({marks})", _stored(records))
    db.close()


def write_events(lakehouse: SparkLakehouse, events: int, customers: int, folder: Path) -> None:
    """Write events in the form of silver/touchpoint_event: its columns, one file a day."""
    rng = np.random.default_rng(SEED)
    contract = load_contracts().table(EVENT_TABLE)
    names = pa.array(customer_names(customers))
    size = min(PART, events)
    drawn = _draw_part(size, rng)
    for part in range(max(1, events // PART)):
        moved = np.timedelta64(part * DAYS_A_PART, "D")
        at = pa.array(drawn.column("event_at").to_numpy() + moved, pa.timestamp("us"))
        changed = {
            "customer_id": names.take(pa.array(rng.integers(0, customers, size))),
            "event_at": at,
            "event_date": at.cast(pa.date32()),
        }
        table = drawn
        for name, column in changed.items():
            table = table.set_column(table.schema.get_field_index(name), name, column)
        file = folder / "part.parquet"
        pq.write_table(table, file)
        frame = lakehouse.spark.read.parquet(str(file)).repartition("event_date")
        if part == 0:
            lakehouse.overwrite(EVENT_TABLE, frame, ("event_date",), contract=contract)
        else:
            lakehouse.append(EVENT_TABLE, frame, contract=contract)
        file.unlink()


def _draw_part(size: int, rng: np.random.Generator) -> pa.Table:
    """Return `size` events: two of three are online with a dwell time, one of three is in a store with an amount."""
    online = rng.random(size) < 2 / 3

    def one_of(*values: str) -> pa.Array:
        return pa.array(values).take(pa.array(rng.integers(0, len(values), size)))

    def where(condition: npt.NDArray[np.bool_], values: npt.NDArray[np.generic], kind: pa.DataType) -> pa.Array:
        return pa.array(values, mask=~condition).cast(kind)

    at = _START + rng.integers(0, DAYS_A_PART * 86_400, size) * _SECOND
    sessions = np.char.add("s", rng.integers(0, size // 8 + 1, size).astype(str))
    cents = pa.array(rng.integers(50, 20_000, size, np.int32), mask=online).cast(pa.decimal128(18, 0))
    return pa.table(
        {
            "event_date": pa.array(at.astype("datetime64[D]")),
            "source": one_of("bronze/web_event", "bronze/app_event", "bronze/cj_transactions"),
            "event_id": pa.array(np.char.add("e", rng.integers(0, 10**12, size).astype(str))),
            "event_at": pa.array(at, pa.timestamp("us")),
            "channel": one_of("web", "app", "store"),
            "event_type": one_of("page_view", "search", "cart", "purchase", "click"),
            "customer_id": pa.repeat(pa.scalar("c"), size),
            "resolved_by": one_of("member_no", "device_id", "card_no"),
            "session_id": where(online, sessions.astype(object), pa.string()),
            "product_id": where(rng.random(size) < 0.7, rng.integers(0, 90_000, size), pa.string()),
            "order_id": where(~online, rng.integers(10**10, 10**11, size).astype(str).astype(object), pa.string()),
            "store_id": where(~online, rng.integers(0, 400, size), pa.string()),
            "amount": cents.cast(pa.decimal128(18, 2)),
            "quantity": where(~online, rng.integers(1, 9, size), pa.decimal128(20, 0)).cast(pa.decimal128(18, 3)),
            "query": where(rng.random(size) < 0.05, np.full(size, "milk", object), pa.string()),
            "dwell_seconds": where(online, np.round(rng.random(size) * 60, 1), pa.float64()),
            "outcome": where(rng.random(size) < 0.1, np.full(size, "delivered", object), pa.string()),
            "rating": where(rng.random(size) < 0.02, rng.integers(1, 6, size), pa.float64()),
            "row_count": pa.repeat(pa.scalar(1), size),
            "load_id": pa.repeat(pa.scalar("20260601T000000-0001"), size),
        }
    )


def _stored(records: pa.Table) -> Iterator[tuple[object, ...]]:
    for batch in records.to_batches(_STORED_AT_ONCE):
        columns = [
            [_text(moment) for moment in batch[name].to_pylist()] if name in _AT else batch[name].to_pylist()
            for name in RECORD_SCHEMA.names
        ]
        yield from zip(*columns, strict=True)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
