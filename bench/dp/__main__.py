"""count + sum + mean by key: a plain group-by, the bounded one, and the release, on Sail; and plain on Spark.

The table is laid out by customer once (`lay_out`), as a lakehouse would keep it; `layout` tells what that takes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.claim import Claim, of_runs
from bench.dp.events import KEYS, write_events
from pipelines.config import load_settings
from pipelines.engine import open_engine
from privacy.dp.account import Account
from privacy.dp.bounded import aggregate, contributions, lay_out
from privacy.dp.cost import Cost
from privacy.dp.ledger import Ledger
from privacy.dp.plan import Plan
from privacy.dp.release import DataSet, add_noise, collect, read_question, release
from privacy.dp.render import render
from privacy.dp.sqlite_store import SqliteStore

RUNS, SEEDS = 7, 20
FORM: dict[str, Any] = {
    "dataset": "events",
    "purpose": "analytics",
    "unit": "cid",
    "rho": 0.5,
    "statistics": ["count", "sum", "mean"],
    "group_by": [{"column": "key", "values": KEYS}],
    "measure": {"column": "amount", "lower": 0, "upper": 250},
    "bounds": {"rows": 10, "rows_per_group": 1},
}
PLAIN = "SELECT key, count(*), sum(amount), avg(amount) FROM events GROUP BY key"


def seconds_of(work: Callable[[], object], runs: int) -> list[float]:
    """Seconds of each of `runs`, after one that warms up."""
    work()
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return taken


def plain_on_spark(path: Path, folder: Path, runs: int) -> list[float]:
    """A plain group-by on Apache Spark."""
    with open_engine(load_settings(engine="spark", data_dir=folder)) as engine:
        engine.spark.read.parquet(str(path)).createOrReplaceTempView("events")
        return seconds_of(lambda: engine.spark.sql(PLAIN).toArrow(), runs)


def measure_size(rows: int, folder: Path, runs: int) -> None:
    """All claims of speed at one size; accuracy as well, since the data is there."""
    question, path, size = read_question(FORM), folder / f"{rows}.parquet", f"{rows // 1000} k events"
    truth = write_events(rows, path).groupby("key").amount.mean()
    spark = plain_on_spark(path, folder, runs)
    ledger = Ledger(SqliteStore(folder / f"{rows}.sqlite", folder / f"{rows}.anchor"))
    ledger.set_limit(Account("events", "analytics", "cid"), "ever", Cost(10**15), datetime.now(UTC))
    with open_engine(load_settings(engine="sail", data_dir=folder)) as engine:
        read = engine.spark.read
        raw = read.parquet(str(path))
        raw.createOrReplaceTempView("events")
        started = time.perf_counter()
        laid_path, view_path = str(folder / f"{rows}.laid"), str(folder / f"{rows}.view")
        lay_out(raw, "cid", ["key"]).write.format("delta").save(laid_path)
        Claim(f"layout by customer, once, {size}", time.perf_counter() - started, "s").tell()
        laid = read.format("delta").load(laid_path)
        contributions(laid, question).drop("_unit").write.format("delta").save(view_path)
        view = read.format("delta").load(view_path)
        plain = seconds_of(lambda: engine.spark.sql(PLAIN).toArrow(), runs)
        bounded = seconds_of(lambda: collect(question, laid), runs)
        asked = iter(range(10**6))

        def ask() -> object:
            return release(question, DataSet(laid, str(next(asked))), ledger, datetime.now(UTC))

        released = seconds_of(ask, runs)
        reused = seconds_of(lambda: aggregate(view, 1).collect(), runs)
        exact, bins = collect(question, laid)
    told = {
        "release": (released, bounded, "bounded without noise", 1.2),
        "release on Sail": (released, spark, "plain group-by on Apache Spark", 1.0),
        "reused bounded view": (reused, plain, "plain group-by on Sail", 1.0),
    }
    for claim, (ours, others, peer, bar) in told.items():
        of_runs(f"{claim}, {size}", ours, "s", others=others, peer=peer, bar=bar, on_ratio=True).tell()
    of_runs(f"release on Sail, {size}", released, "s", others=plain, peer="plain group-by on Sail").tell()
    plan = Plan(question)
    errors = []
    for _ in range(SEEDS):
        means = render(plan, add_noise(plan, exact, bins), "", "").values("mean")
        apart = [value - truth[key] for (key,), value in means.items() if value is not None]
        errors.append(float(np.sqrt(np.mean(np.square(apart)))) if len(apart) == len(KEYS) else float("inf"))
    of_runs(f"RMSE of the mean per key, rho 0.5, {size}", errors, "amount", bar=2.5).tell()


def main() -> int:
    """Measure at 1 M and 10 M events (100 k with --quick)."""
    quick = "--quick" in sys.argv
    sizes = [int(a) for a in sys.argv[1:] if a.isdigit()] or ([100_000] if quick else [1_000_000, 10_000_000])
    for rows in sizes:
        with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder:
            measure_size(rows, Path(folder), 3 if quick else RUNS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
