"""Measures the HTTP application: p99 of 1 and 100 customers beside an empty endpoint, and four clients for minutes.

The empty endpoint makes one durable append, as a read of features does. Both servers are asked in turn by one client.
The four clients then send at a steady rate for the stated minutes; the memory of the server and the p99 of their
requests are compared with those of one client before.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil

from agent_serving.services import open_api_keys
from bench.claim import Claim
from bench.features.http_load import Route, ask_in_turn, server
from bench.features.market import FEATURES, PURPOSE, ROLE, SERVICE, open_market
from bench.options import make_parser

CUSTOMERS, ROUNDS, MINUTES, CLIENTS, PER_SECOND = 10_000, 3000, 5.0, 4, 25.0
P99_MORE_MS = {1: 2.0, 100: 4.0}


def main() -> None:
    """Print the claims."""
    parser = make_parser(__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long four clients send")
    options = parser.parse_args()
    rounds, minutes = (300, 0.2) if options.quick else (ROUNDS, options.minutes)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        installation, names = open_market(folder, CUSTOMERS)
        with closing(open_api_keys(installation)) as keys:
            key = keys.create("bench", ROLE, frozenset({PURPOSE}))[1]
        installation.close()
        os.environ["BOJAGI_CONFIG"] = str(folder / "bojagi.toml")
        with (
            server("bench.features.empty_server", str(folder / "append.log")) as (empty, _),
            server("pipelines.cli", "serve") as (port, process),
        ):
            measure_latency(empty, port, key, names, rounds)
            measure_load(port, process, key, names, minutes)


def measure_latency(empty: int, port: int, key: str, names: list[str], rounds: int) -> None:
    """Print the p50 and p99 of the empty endpoints and of 1 and 100 customers."""
    routes = {
        "empty": Route.of(empty, "/empty", {}), "append": Route.of(empty, "/append", {}),
        **{str(n): Route.of(port, "/v1/features", wanted(names[:n]), key) for n in P99_MORE_MS},
    }  # fmt: skip
    ask_in_turn(list(routes.values()), 50)
    for route in routes.values():
        route.seconds.clear()
    ask_in_turn(list(routes.values()), rounds)
    assert not any(route.failures for route in routes.values())
    figures = {name: quantile_ms(route.seconds) for name, route in routes.items()}
    print(
        {name: [round(value, 3) for value in found] for name, found in figures.items()},
        "p50, p99 in ms",
        file=sys.stderr,
    )
    for customers, more in P99_MORE_MS.items():
        p50, p99 = figures[str(customers)]
        floor50, floor99 = figures["append"]
        peer, about = "an empty endpoint with one durable append", f"HTTP, {customers} × {FEATURES} features"
        Claim(f"{about}, p50", p50, "ms", floor50, peer, runs=rounds).print_json()
        Claim(f"{about}, p99", p99, "ms", floor99, peer, bar=floor99 + more, runs=rounds).print_json()


def measure_load(port: int, process: int, key: str, names: list[str], minutes: float) -> None:
    """Print what four clients at a steady rate meet: failures, p99 beside one client's, and the growth of memory."""
    one = Route.of(port, "/v1/features", wanted(names[:1]), key)
    send_steadily(one, min(60.0, minutes * 60))
    before = psutil.Process(process).memory_info().rss
    routes = [Route.of(port, "/v1/features", wanted(names[n * 100 : n * 100 + 1]), key) for n in range(CLIENTS)]
    threads = [threading.Thread(target=send_steadily, args=(route, minutes * 60)) for route in routes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = [s for route in routes for s in route.seconds]
    told = f"{CLIENTS} clients, {PER_SECOND:g} requests a second each, {minutes:g} minutes"
    failures = sum(route.failures for route in routes)
    Claim(f"{told}: failures", failures, "requests", bar=0, runs=len(seconds)).print_json()
    idle = quantile_ms(one.seconds)[1]
    busy = quantile_ms(seconds)[1]
    Claim(f"{told}: p99", busy, "ms", idle, "one client", bar=2, runs=len(seconds), on_ratio=True).print_json()
    growth = (psutil.Process(process).memory_info().rss - before) / 2**20
    Claim(f"{told}: growth of memory", growth, "MiB", bar=16).print_json()


def send_steadily(route: Route, seconds: float) -> None:
    """Send one request each 1/25 s, and none before the answer of the last one has come."""
    connection, begun = route.connect(), time.monotonic()
    for number in range(int(seconds * PER_SECOND)):
        time.sleep(max(0.0, begun + number / PER_SECOND - time.monotonic()))
        route.ask(connection)
    connection.close()


def wanted(customers: list[str]) -> dict[str, object]:
    """Return the body of a request."""
    return {"service": SERVICE, "purpose": PURPOSE, "customers": customers}


def quantile_ms(seconds: list[float]) -> tuple[float, float]:
    """Return p50 and p99 in milliseconds."""
    p50, p99 = np.quantile(np.array(seconds) * 1000, [0.5, 0.99]).tolist()
    return p50, p99


if __name__ == "__main__":
    main()
