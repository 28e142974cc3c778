"""Consent: what the filter adds to a read of 10 M events of 1 M customers, and what one decision costs.

Both reads go over every column, hashed in the engine so that nothing else is measured: once the whole table, once what
`permitted` lets through. The permission table is made before, as each run does; its time is told on stderr.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from bench.claim import Claim, of_runs
from pipelines.config import load_settings
from pipelines.engine import open_engine
from privacy.consent.frame import Permissions, permission_rows
from privacy.consent.index import DecisionIndex
from privacy.consent.policy import built_in_policy
from privacy.consent.rows import DECISIVE, RECORD_SCHEMA
from privacy.consent.timeline import build_timeline

RUNS = 5
AT = datetime(2026, 6, 1, 12)
PURPOSES = ("analytics", "personalisation", "marketing", "research")
SEED = 20260601


def draw_records(customers: int, rng: np.random.Generator) -> pa.Table:
    """Four purposes a customer, and a second record (a withdrawal or a renewal) for a third of them."""
    first = customers * len(PURPOSES)
    again = rng.choice(first, first // 3, replace=False)
    slot = np.concatenate([np.arange(first), again])
    names = np.char.add("c_", np.char.zfill(np.arange(customers).astype(str), 24))
    start = np.datetime64("2025-01-01", "us") + rng.integers(0, 300 * 86_400, len(slot)) * np.timedelta64(1, "s")
    start[first:] += np.timedelta64(200, "D")
    states = np.where(rng.random(len(slot)) < 0.75, "given", "refused")
    states[first:] = np.where(rng.random(len(again)) < 0.5, "withdrawn", "renewed")
    size = len(slot)
    columns = {
        "record_id": pa.array(np.char.add("r_", np.arange(size).astype(str))),
        "subject_id": pa.array(names[slot // len(PURPOSES)]),
        "controller": pa.DictionaryArray.from_arrays(np.zeros(size, np.int32), ["Shop"]).cast(pa.string()),
        "purpose": pa.DictionaryArray.from_arrays((slot % 4).astype(np.int32), list(PURPOSES)).cast(pa.string()),
        "data_categories": pa.DictionaryArray.from_arrays(np.zeros(size, np.int32), ["pd:Purchase"]).cast(pa.string()),
        "jurisdiction": pa.DictionaryArray.from_arrays(np.zeros(size, np.int32), ["KR"]).cast(pa.string()),
        "state": pa.array(states),
        "effective_at": pa.array(start, pa.timestamp("us")),
        "recorded_at": pa.array(start, pa.timestamp("us")),
        "expires_at": pa.nulls(size, pa.timestamp("us")),
        "expressed_by": pa.DictionaryArray.from_arrays(np.zeros(size, np.int32), ["self"]).cast(pa.string()),
        "age_years": pa.array(np.full(size, 40, np.int32)),
        "asked": pa.DictionaryArray.from_arrays(np.zeros(size, np.int32), ["separately"]).cast(pa.string()),
        "supersedes": pa.nulls(size, pa.string()),
    }
    return pa.table(columns, schema=pa.schema([RECORD_SCHEMA.field(name) for name in DECISIVE]))


def draw_events(events: int, customers: int, folder: Path, rng: np.random.Generator) -> None:
    """Events as silver/touchpoint_event has them: customer, time, product, channel, amounts and texts."""
    names = pa.array(np.char.add("c_", np.char.zfill(np.arange(customers).astype(str), 24)))
    size = 1_000_000
    folder.mkdir()
    for part in range(max(1, events // size)):
        rows = min(size, events)
        at = np.datetime64("2026-01-01", "us") + rng.integers(0, 150 * 86_400, rows) * np.timedelta64(1, "s")
        table = pa.table(
            {
                "event_id": pa.array(np.char.add(f"e{part}_", np.arange(rows).astype(str))),
                "customer_id": names.take(pa.array(rng.integers(0, customers, rows))),
                "event_at": pa.array(at, pa.timestamp("us")),
                "channel": pa.array(["web", "app", "store"]).take(pa.array(rng.integers(0, 3, rows))),
                "session_id": pa.array(np.char.add("s", rng.integers(0, 10**9, rows).astype(str))),
                "product_id": pa.array(rng.integers(0, 90_000, rows)),
                "amount": pa.array(rng.random(rows) * 100),
                "dwell_seconds": pa.array(rng.random(rows) * 60),
            }
        )
        pq.write_table(table, folder / f"{part}.parquet")


def read_whole(frame: DataFrame) -> float:
    """Seconds to read every column of a frame to its end."""
    started = time.perf_counter()
    hashed = F.sum((F.xxhash64(*frame.columns) % 1_000_003).cast("bigint"))
    frame.agg(hashed, F.count(F.lit(1))).collect()
    return time.perf_counter() - started


def prepare(folder: Path, customers: int, events: int) -> None:
    """Draw records and events into the folder, unless they lie there from before."""
    if not (folder / "records.parquet").exists():
        draw_events(events, customers, folder / "events", np.random.default_rng(SEED))
        pq.write_table(draw_records(customers, np.random.default_rng(SEED)), folder / "records.parquet")


def measure_filter(folder: Path, customers: int, events: int, runs: int) -> None:
    """The same read with and without `permitted`, in turn, on Sail."""
    with open_engine(load_settings(engine="sail", data_dir=folder, engine_memory="6GB")) as engine:
        spark = engine.spark
        started = time.perf_counter()
        rows = permission_rows(spark.read.parquet(str(folder / "records.parquet")), None, built_in_policy(), "Shop")
        rows.write.mode("overwrite").parquet(str(folder / "permission"))
        print(f"permission table: {time.perf_counter() - started:.1f} s", file=sys.stderr)
        permissions = Permissions(spark.read.parquet(str(folder / "permission")), built_in_policy())
        frame = spark.read.parquet(str(folder / "events"))
        plain, filtered = [], []
        for turn in range(runs + 1):
            without, within = read_whole(frame), read_whole(permissions.permitted(frame, "analytics", AT))
            print(f"run {turn}: {without:.2f} s, with consent {within:.2f} s", file=sys.stderr)
            if turn:
                plain.append(without)
                filtered.append(within)
    claim = f"read of {events:,} events, {customers:,} subjects, consented"
    of_runs(claim, filtered, "s", others=plain, peer="the same read", bar=1.3, on_ratio=True).tell()


def measure_index(records: pa.Table, customers: int, runs: int) -> None:
    """Building the index, its memory, and single decisions on customers drawn at random."""
    policy = built_in_policy()
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        index = DecisionIndex(build_timeline(records, None, policy, "Shop"), policy)
        seconds.append(time.perf_counter() - started)
    label = f"index of {customers:,} subjects"
    of_runs(f"{label}, rebuilt from {len(records):,} records", seconds, "s", bar=30).tell()
    Claim(f"{label}, memory", index.nbytes / 2**30, "GiB", bar=1).tell()
    rss = psutil.Process().memory_info().rss / 2**30
    print(f"resident memory of the process with the records: {rss:.2f} GiB", file=sys.stderr)
    rng = np.random.default_rng(SEED)
    asked = [f"c_{number:024}" for number in rng.integers(0, customers, 200_000)]
    purposes = [policy.purposes[i] for i in rng.integers(0, len(policy.purposes), len(asked))]
    taken = []
    for name, purpose in zip(asked, purposes, strict=True):
        started = time.perf_counter_ns()
        index.is_permitted(name, purpose, AT)
        taken.append((time.perf_counter_ns() - started) / 1000)
    Claim("one decision, median", float(np.median(taken)), "µs", bar=20, runs=len(taken)).tell()
    Claim("one decision, 99th percentile", float(np.percentile(taken, 99)), "µs", runs=len(taken)).tell()


def main() -> int:
    """Measure both. `--data DIR` keeps what was drawn, `--only prepare|index|filter` does a part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", choices=["prepare", "index", "filter"])
    chosen = parser.parse_args()
    customers, events = (20_000, 200_000) if chosen.quick else (1_000_000, 10_000_000)
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as spare:
        folder = chosen.data or Path(spare)
        folder.mkdir(parents=True, exist_ok=True)
        prepare(folder, customers, events)
        if chosen.only in (None, "index"):
            measure_index(pq.read_table(folder / "records.parquet"), customers, 1 if chosen.quick else 3)
        if chosen.only in (None, "filter"):
            measure_filter(folder, customers, events, 1 if chosen.quick else RUNS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
