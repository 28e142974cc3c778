"""Measures count, sum and mean by key: private release, plain group-by and other tools (peers).

On Sail it measures a plain group-by, one with bounded contributions, and the private release; on Spark a plain
group-by. The table is first sorted by customer (`lay_out`), as a lakehouse would store it; the claim "layout" is the
time of this. Peers run on the smaller size only, because they take minutes. Then the ledger is measured under 16
processes that are killed at random.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import DataFrame

from bench.claim import Claim, of_runs
from bench.dp.events import KEYS, write_events
from bench.dp.ledger import EACH, measure_ledger
from bench.dp.peers import opendp_seconds, tumult_seconds
from bench.options import make_parser, runs_of
from installation.settings import load_settings
from pipelines.engine.session import open_engine
from privacy.audit import AuditLog
from privacy.clock import utc_now
from privacy.dp.bounded import aggregate, contributions, lay_out
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost
from privacy.dp.ledger import Ledger
from privacy.dp.noise_plan import NoisePlan
from privacy.dp.question import Question
from privacy.dp.release import DataSet, add_noise, bounded_view, collect, read_question, release
from privacy.dp.render import render
from privacy.dp.sqlite_store import SqliteStore
from privacy.dp.trail import Trail
from privacy.storage.secret_file import KEY_BYTES

# Releases and the works they are compared with take turns, so that a busy moment of the machine affects both.
RUNS, SEEDS, PEER_RUNS = 15, 20, 1
PEERS = {"Tumult Analytics": (tumult_seconds, 1 / 50), "OpenDP Polars": (opendp_seconds, None)}
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
    """Run a function `runs` times after one warm-up; return the seconds of each run."""
    work()
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return taken


def seconds_in_turn(works: Sequence[Callable[[], object]], runs: int) -> list[list[float]]:
    """Run several functions in turn, `runs` times after a warm-up turn; return the seconds of each, by function."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(runs + 1):
        for seconds, work in zip(taken, works, strict=True):
            started = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - started)
    return [seconds[1:] for seconds in taken]


def plain_on_spark(path: Path, folder: Path, runs: int) -> list[float]:
    """Return the seconds of each run of a plain group-by on Apache Spark."""
    with open_engine(load_settings(engine="spark", data_dir=folder)) as engine:
        engine.spark.read.parquet(str(path)).createOrReplaceTempView("events")
        return seconds_of(lambda: engine.spark.sql(PLAIN).toArrow(), runs)


def measure_size(rows: int, folder: Path, runs: int, has_peers: bool) -> None:
    """Print all claims of speed and accuracy at one size."""
    question, path, size = read_question(FORM), folder / f"{rows}.parquet", f"{rows // 1000} k events"
    truth = write_events(rows, path).groupby("key").amount.mean()
    spark = plain_on_spark(path, folder, runs)
    ledger = Ledger(SqliteStore(folder / f"{rows}.sqlite", folder / f"{rows}.anchor"))
    ledger.set_limit(BudgetAccount("events", "analytics", "cid"), "ever", Cost(10**15), utc_now())
    # As in the command: each release is in the audit log, on the disk, before its noise is drawn.
    log = AuditLog(folder / f"{rows}.audit", folder / f"{rows}.audit.anchor", bytes(KEY_BYTES))
    trail = Trail(log, "bench", utc_now, "analyst")
    with closing(log), open_engine(load_settings(engine="sail", data_dir=folder)) as engine:
        read = engine.spark.read
        raw = read.parquet(str(path))
        raw.createOrReplaceTempView("events")
        started = time.perf_counter()
        laid_path, rows_path, view_path = (str(folder / f"{rows}.{name}") for name in ("laid", "bounded", "view"))
        lay_out(raw, "cid", ["key"]).write.format("delta").save(laid_path)
        Claim(f"layout by customer, once, {size}", time.perf_counter() - started, "s").print_json()
        laid = read.format("delta").load(laid_path)
        contributions(laid, question).drop("_unit").write.format("delta").save(rows_path)
        bounded_view(question, laid).write.format("delta").save(view_path)
        bounded_rows, view = (read.format("delta").load(path) for path in (rows_path, view_path))
        asked = iter(range(10**6))

        def ask(frame: DataFrame, view_of: Question | None = None) -> object:
            return release(question, DataSet(frame, str(next(asked)), view_of), ledger, utc_now(), trail)

        released, bounded, reused, added, plain = seconds_in_turn(
            (
                lambda: ask(laid),
                lambda: collect(question, laid),
                lambda: ask(view, question),
                lambda: aggregate(bounded_rows, 1).collect(),
                lambda: engine.spark.sql(PLAIN).collect(),
            ),
            runs,
        )
        exact, bins = collect(question, laid)
    claims = {
        "release": (released, bounded, "bounded without noise", 1.2),
        "release on Sail": (released, spark, "plain group-by on Apache Spark", 1.0),
        "release from a reused bounded view": (reused, plain, "plain group-by on Sail", 1.0),
        "bounded rows of customers, added up again": (added, plain, "plain group-by on Sail", 1.0),
    }
    for claim, (ours, others, peer, bar) in claims.items():
        of_runs(f"{claim}, {size}", ours, "s", others=others, peer=peer, bar=bar, on_ratio=True).print_json()
    of_runs(f"release on Sail, {size}", released, "s", others=plain, peer="plain group-by on Sail").print_json()
    if has_peers:
        measure_peers(path, size, released)
    plan = NoisePlan(question)
    errors = []
    for _ in range(SEEDS):
        means = render(plan, add_noise(plan, exact, bins), "", "").values("mean")
        apart = [value - truth[key] for (key,), value in means.items() if value is not None]
        errors.append(float(np.sqrt(np.mean(np.square(apart)))) if len(apart) == len(KEYS) else float("inf"))
    of_runs(f"RMSE of the mean per key, rho 0.5, {size}", errors, "amount", bar=2.5).print_json()


def measure_peers(path: Path, size: str, released: list[float]) -> None:
    """Print the time of the release beside that of each peer. A peer that fails is named on standard error."""
    for peer, (measure, bar) in PEERS.items():
        try:
            theirs = measure(path, PEER_RUNS)
        except subprocess.CalledProcessError as error:
            print(f"{peer} was not measured: exit status {error.returncode}; see above", file=sys.stderr)
            continue
        of_runs(f"release, {size}", released, "s", others=theirs, peer=peer, bar=bar, on_ratio=True).print_json()


def main() -> int:
    """Measure at 1 M events with peers and at 10 M (100 k with --quick), or at the sizes given, without peers."""
    parser = make_parser(__doc__)
    parser.add_argument(
        "sizes", nargs="*", type=int, help="numbers of events, instead of the usual ones; without peers"
    )
    options = parser.parse_args()
    quick, named = options.quick, options.sizes
    sizes = named or ([100_000] if quick else [1_000_000, 10_000_000])
    for rows in sizes:
        with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder:
            has_peers = not quick and not named and rows == min(sizes)
            measure_size(rows, Path(folder), runs_of(options, RUNS, quick=3), has_peers)
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder:
        measure_ledger(Path(folder), EACH // 10 if quick else EACH)
    return 0


if __name__ == "__main__":
    sys.exit(main())
