"""Measures the synthesizer of customers with events at ε = 4: figures of `event_figures`, time and memory of a fit.

One process a fit, so that memory is that of this fit. With --peer PYTHON, an interpreter that has `sdv`, HMA of SDV
learns from a sample of the same customers, since all of them would take it days.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bench.claim import of_runs
from bench.options import make_parser, runs_of
from bench.process import run_measured
from bench.synthetic.event_figures import FIGURES, distances
from bench.synthetic.event_market import Market, complete_journey, simulated
from privacy.synthetic.event.private_history import PrivateHistory

CUSTOMERS, QUICK_CUSTOMERS, RUNS, SEED = 100_000, 5_000, 5, 20260601
MARKETS: dict[str, Callable[[int], Market]] = {
    "journey": lambda customers: complete_journey(),
    "simulated": lambda customers: simulated(customers, SEED),
}
BARS = {
    "journey": dict(zip(FIGURES, (0.05, 0.05, 0.03, 0.08, 0.12), strict=True)),
    "simulated": {"cardinality": 0.05, "weekday x hour": 0.03, "category": 0.05, "repurchase interval": 0.1},
}
MOST_SECONDS, MOST_GIB = 600.0, 12.0


def measure_fit(market: Market, seed: int) -> dict[str, float]:
    """Fit a model, sample as many customers as it learned from, and return the figures of this process."""
    started, busy = time.perf_counter(), time.process_time()
    model = PrivateHistory.fit(market.people, market.events, market.specification)
    fitted, processor = time.perf_counter() - started, time.process_time() - busy
    started = time.perf_counter()
    made = tuple(pa.concat_tables(tables) for tables in zip(*model.sample(None, seed), strict=True))
    sampled = time.perf_counter() - started
    figures = distances((market.people, market.events), (made[0], made[1]), market.specification)
    return figures | {"fit": fitted, "processor": processor, "sample": sampled}


def run_fit(name: str, customers: int, seed: int) -> dict[str, float]:
    """Return the figures of a fit in a process of its own."""
    command = [sys.executable, "-m", "bench.synthetic.events", "--fit", name, str(customers), str(seed)]
    done = run_measured(command)
    found: dict[str, float] = json.loads(done.output.splitlines()[-1])
    return found | {"memory": done.peak_gib}


def measure_market(name: str, customers: int, runs: int, peer: Path | None, peer_people: int) -> None:
    """Print every claim of one market."""
    market = MARKETS[name](customers)
    found = [run_fit(name, customers, seed) for seed in range(runs)]
    theirs = {} if peer is None else measure_peer(market, peer, peer_people)
    told = f"HMA of SDV, {peer_people:,} customers" if theirs else ""
    for figure in FIGURES:
        other = [theirs[figure]] if theirs else None
        ours, bar = [one[figure] for one in found], BARS[name].get(figure)
        of_runs(f"{figure}, {market.name}", ours, "TVD", others=other, peer=told, bar=bar).print_json()
    of_runs(f"events without a customer, {market.name}", [one["orphans"] for one in found], "", bar=0.0).print_json()
    apart = [abs(one["events"] - 1) for one in found]
    of_runs(f"|events made / real - 1|, {market.name}", apart, "").print_json()
    fits = [one["fit"] for one in found]
    others = [theirs["fit"]] if theirs else None
    of_runs(f"fit, {market.name}", fits, "s", others=others, peer=told, bar=MOST_SECONDS).print_json()
    of_runs(f"sample, {market.name}", [one["sample"] for one in found], "s").print_json()
    memory = [one["memory"] for one in found]
    of_runs(f"memory of fit and sample, {market.name}", memory, "GiB", bar=MOST_GIB).print_json()


def measure_peer(market: Market, python: Path, people: int) -> dict[str, float]:
    """Return the figures of HMA, which learns from the first `people` customers in its own environment."""
    some = market.people.slice(0, people)
    unit = market.specification.unit
    events = market.events.filter(pc.is_in(market.events[unit], some[unit].combine_chunks()))
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder:
        paths = [Path(folder) / name for name in ("people.csv", "events.csv")]
        for path, table in zip(paths, (some, events), strict=True):
            table.to_pandas().to_csv(path, index=False)
        script = Path(__file__).with_name("hma_peer.py")
        done = subprocess.run([str(python), str(script), folder], stdout=subprocess.PIPE, text=True, check=True)
        kinds, times = {unit: str, "order": str}, [market.specification.time]
        people_made = pd.read_csv(paths[0].with_suffix(".made.csv"), dtype=kinds)
        events_made = pd.read_csv(paths[1].with_suffix(".made.csv"), dtype=kinds, parse_dates=times)
    made = [pa.Table.from_pandas(frame, preserve_index=False) for frame in (people_made, events_made)]
    figures = distances((some, events), (made[0], made[1]), market.specification)
    return figures | {"fit": float(json.loads(done.stdout.splitlines()[-1])["fit"])}


def main() -> int:
    """Measure both markets, or one fit of one market."""
    parser = make_parser(__doc__)
    parser.add_argument("--fit", nargs=3, metavar=("MARKET", "CUSTOMERS", "SEED"), help="one fit; prints its figures")
    parser.add_argument("--peer", type=Path, help="Python interpreter that has sdv")
    parser.add_argument("--peer-people", type=int, default=200, help="customers that HMA learns from")
    options = parser.parse_args()
    if options.fit:
        name, customers, seed = options.fit
        print(json.dumps(measure_fit(MARKETS[name](int(customers)), int(seed))))
        return 0
    customers = QUICK_CUSTOMERS if options.quick else CUSTOMERS
    for name in MARKETS:
        measure_market(name, customers, runs_of(options, RUNS), options.peer, options.peer_people)
    return 0


if __name__ == "__main__":
    sys.exit(main())
