"""Measures the time that the consent filter adds to a read of 10 M events, and the time of one decision.

The events have the form of silver/touchpoint_event: its columns, Delta, one file a day. Each read runs with and without
`permitted`, in turn:
- every column returned as Arrow, and written to files; also where all customers permit, so that no row is left out;
- a sum by customer and month, as gold tables compute it;
- the reads in which the filter takes the largest share of the time: every column hashed in the engine, four columns
  returned, four hashed.
The permission table is made before, as in each run; its time is printed to stderr. The index is built from the consent
store, as services that answer requests do when they start.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from bench.claim import Claim, of_runs
from bench.consent.market import EVENT_TABLE, SEED, draw_records, fill_store, write_events
from bench.options import make_parser, runs_of
from installation.settings import load_settings
from pipelines.engine.session import open_engine
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from privacy.consent.frame import Permissions, permission_rows
from privacy.consent.index import DecisionIndex
from privacy.consent.policy import built_in_policy
from privacy.consent.store import ConsentStore
from privacy.consent.timeline import ALWAYS, build_timeline

RUNS, INDEX_RUNS = 5, 3
MOST_TIME = 1.3
AT = datetime(2026, 6, 1, 12)
PERMISSION = "silver/permission"
Reading = Callable[[DataFrame], object]
FEW = ("customer_id", "event_at", "event_type", "amount")


def read_hashed(frame: DataFrame) -> object:
    """Read every value of a frame, by computing one row from all of them."""
    return frame.agg(F.sum((F.xxhash64(*frame.columns) % 1_000_003).cast("bigint")), F.count(F.lit(1))).collect()


def read_summed(frame: DataFrame) -> object:
    """Compute the spend of each customer and month; return one row that sums up all of them."""
    month = F.trunc("event_date", "month").alias("month")
    spent = frame.groupBy("customer_id", month).agg(F.sum("amount").alias("spent"), F.count(F.lit(1)).alias("n"))
    return read_hashed(spent)


def all_permitting(permissions: Permissions) -> Permissions:
    """Return permissions of the same customers in which all of them permit every purpose."""
    always = permissions.rows.withColumn("verdict", F.lit(ALWAYS)).withColumn("until_at", F.lit(None))
    given = always.withColumn("from_at", F.lit(datetime(2020, 1, 1)).cast("timestamp_ntz")).distinct()
    return Permissions(given, permissions.policy)


def seconds_of(read: Reading, frame: DataFrame) -> tuple[float, float]:
    """Return the wall and processor seconds of a read."""
    started, used = time.perf_counter(), _processor_seconds()
    read(frame)
    return time.perf_counter() - started, _processor_seconds() - used


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure_filter(folder: Path, customers: int, events: int, runs: int) -> None:
    """Measure each read with and without `permitted`, in turn, on Sail."""
    with open_engine(load_settings(engine="sail", data_dir=folder, engine_memory="6GB")) as engine:
        lakehouse = SparkLakehouse(str(folder / "lakehouse"), engine.spark)
        if not lakehouse.exists(EVENT_TABLE):
            write_events(lakehouse, events, customers, folder)
        if not lakehouse.exists(PERMISSION):
            started = time.perf_counter()
            records = engine.spark.read.parquet(str(folder / "records.parquet"))
            rows = permission_rows(records, None, built_in_policy(), "Shop")
            lakehouse.overwrite(PERMISSION, rows)
            print(f"permission table: {time.perf_counter() - started:.1f} s", file=sys.stderr)
        permissions = Permissions(lakehouse.read(PERMISSION), built_in_policy())
        whole, written = lakehouse.read(EVENT_TABLE), str(folder / "read")

        def write(frame: DataFrame) -> None:
            frame.write.mode("overwrite").parquet(written)

        few = whole.select(*FEW)
        all_permitting(permissions).rows.write.mode("overwrite").parquet(str(folder / "everybody"))
        willing = Permissions(engine.spark.read.parquet(str(folder / "everybody")), built_in_policy())
        for read in (
            _Read("every column handed over", whole, DataFrame.toArrow, permissions, runs, MOST_TIME),
            _Read("every column written", whole, write, permissions, runs, MOST_TIME),
            _Read("every column handed over, everybody permits", whole, DataFrame.toArrow, willing, runs, MOST_TIME),
            _Read("every column written, everybody permits", whole, write, willing, runs, MOST_TIME),
            _Read("a sum for each customer and month", whole, read_summed, permissions, runs, MOST_TIME),
            _Read("every column hashed in the engine", whole, read_hashed, permissions, runs, MOST_TIME),
            _Read("four columns handed over", few, DataFrame.toArrow, permissions, runs),
            _Read("four columns hashed in the engine", few, read_hashed, permissions, runs),
        ):
            read.measure()


@dataclass(frozen=True)
class _Read:
    """A read of all events, compared with the same read of only the permitted events."""

    what: str
    frame: DataFrame
    read: Reading
    permissions: Permissions
    runs: int
    bar: float | None = None

    def measure(self) -> None:
        """Read with and without `permitted` in turn, and print the claim."""
        plain, filtered = [], []
        for turn in range(self.runs + 1):
            without = seconds_of(self.read, self.frame)
            within = seconds_of(self.read, self.permissions.permitted(self.frame, "analytics", AT))
            shown = [f"{wall:.2f} s ({used:.2f} s of processor)" for wall, used in (without, within)]
            print(f"{self.what}, run {turn}: {shown[0]}, consented {shown[1]}", file=sys.stderr)
            if turn:
                plain.append(without[0])
                filtered.append(within[0])
        claim, has_bar = f"read of events, {self.what}, consented", self.bar is not None
        of_runs(claim, filtered, "s", others=plain, peer="the same read", bar=self.bar, on_ratio=has_bar).print_json()


def measure_index(folder: Path, customers: int, runs: int) -> None:
    """Measure the time to build the index from the store, its memory, and single decisions for random customers."""
    policy = built_in_policy()
    path = folder / "consent.db"
    if not path.exists():
        fill_store(path, pq.read_table(folder / "records.parquet"))
    reading, building = [], []
    with closing(ConsentStore(path, policy.taxonomy)) as store:
        for _ in range(runs):
            started, used = time.perf_counter(), _processor_seconds()
            records, membership = store.decisive_table(), store.membership_table()
            reading.append(time.perf_counter() - started)
            size = len(records)
            index = DecisionIndex(build_timeline(records, membership, policy, "Shop"), policy)
            building.append(time.perf_counter() - started)
            del records
            used = _processor_seconds() - used
            message = f"read in {reading[-1]:.1f} s, ready after {building[-1]:.1f} s ({used:.1f} s of processor)"
            print(f"index: {message}", file=sys.stderr)
    label = f"index of {customers:,} subjects"
    of_runs(f"{label}, rebuilt from {size:,} records in the store", building, "s", bar=30).print_json()
    Claim(f"{label}, memory", index.nbytes / 2**30, "GiB", bar=1).print_json()
    rss = psutil.Process().memory_info().rss / 2**30
    print(f"resident memory of the process: {rss:.2f} GiB", file=sys.stderr)
    rng = np.random.default_rng(SEED)
    asked = [f"c_{number:026}" for number in rng.integers(0, customers, 200_000)]
    purposes = [policy.purposes[i] for i in rng.integers(0, len(policy.purposes), len(asked))]
    taken = []
    for name, purpose in zip(asked, purposes, strict=True):
        begun = time.perf_counter_ns()
        index.is_permitted(name, purpose, AT)
        taken.append((time.perf_counter_ns() - begun) / 1000)
    Claim("one decision, median", float(np.median(taken)), "µs", bar=20, runs=len(taken)).print_json()
    Claim("one decision, 99th percentile", float(np.percentile(taken, 99)), "µs", runs=len(taken)).print_json()


def main() -> int:
    """Measure the filter and the index. `--data DIR` keeps the drawn data; `--only index|filter` measures one."""
    parser = make_parser(__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", choices=["index", "filter"])
    chosen = parser.parse_args()
    customers, events = (20_000, 200_000) if chosen.quick else (1_000_000, 10_000_000)
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as spare:
        folder = chosen.data or Path(spare)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "records.parquet").exists():
            pq.write_table(draw_records(customers, np.random.default_rng(SEED)), folder / "records.parquet")
        if chosen.only in (None, "index"):
            measure_index(folder, customers, runs_of(chosen, INDEX_RUNS))
        if chosen.only in (None, "filter"):
            measure_filter(folder, customers, events, runs_of(chosen, RUNS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
