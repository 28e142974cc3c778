"""Measures the index of 100,000 documents: its making, searches over HTTP, and the time until a change is visible."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from agent_serving.search.opening import open_upkeep
from bench.claim import Claim, of_runs
from bench.features.http_load import Route, ask_in_turn, server
from bench.search.corpus import BRANCH, QUERIES, write_files
from installation.installation import Installation
from installation.settings import load_settings

INDEX_SECONDS, SEARCH_MORE_MS, VISIBLE_SECONDS = 300.0, 15.0, 2.0
_CHANGES = 10


def measure(folder: Path, number: int, rounds: int) -> None:
    """Print the claims. `rounds` is how often each query is asked."""
    folder.mkdir()
    installation = Installation(load_settings(data_dir=folder))
    documents = write_files(installation.settings.content_dir, number)
    begun = time.perf_counter()
    with open_upkeep(installation) as upkeep:
        report = upkeep.run()
    assert report.documents == len(documents), report
    seconds = time.perf_counter() - begun
    Claim(f"index of {number:,} documents in {report.indexed} files", seconds, "s", bar=INDEX_SECONDS).print_json()
    with server("bench.search.search_server", str(folder)) as (port, _):
        _measure_searches(port, number, rounds)
        _measure_change(port, installation.settings.content_dir, number)


def _measure_searches(port: int, number: int, rounds: int) -> None:
    empty = Route.of(port, "/empty", {"query": "", "branch": BRANCH})
    routes = [Route.of(port, "/search", {"query": wanted.query, "branch": BRANCH}) for wanted in QUERIES]
    # The empty route is asked once before each search, so that both meet the same moments of the machine.
    pairs = [route for search in routes for route in (empty, search)]
    ask_in_turn(pairs, 2)
    for route in (empty, *routes):
        route.seconds.clear()
    ask_in_turn(pairs, rounds)
    assert not any(route.failures for route in (empty, *routes))
    searched = [second for route in routes for second in route.seconds]
    slowest = max(routes, key=lambda route: float(np.median(route.seconds)))
    print("slowest query:", json.loads(slowest.body)["query"], file=sys.stderr)
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        ours, floor = (float(np.quantile(seconds, share)) * 1e3 for seconds in (searched, empty.seconds))
        bar = floor + SEARCH_MORE_MS if name == "p99" else None
        peer = "an empty endpoint"
        Claim(
            f"search over HTTP, {number:,} documents, {name}", ours, "ms", floor, peer, bar=bar, runs=len(searched)
        ).print_json()


def _measure_change(port: int, folder: Path, number: int) -> None:
    """Write a new version of a file of a thousand products, and ask until the new one is found."""
    path = sorted((folder / "drawn").iterdir())[-1] if (folder / "drawn").is_dir() else next(folder.rglob("*.jsonl"))
    lines, waited = path.read_text("utf-8").splitlines(), []
    for turn in range(_CHANGES):
        row = json.loads(lines[0])
        word = f"갱신확인{'가나다라마바사아자차'[turn]}"
        row |= {"title": word, "branch": BRANCH}
        changed = path.with_suffix(".part")
        changed.write_text("\n".join([json.dumps(row, ensure_ascii=False), *lines[1:], ""]), "utf-8")
        route = Route.of(port, "/search", {"query": word, "branch": BRANCH})
        connection = route.connect()
        changed.replace(path)
        begun = time.perf_counter()
        while json.loads(route.ask(connection))[:1] != [word]:
            time.sleep(0.01)
        waited.append(time.perf_counter() - begun)
        connection.close()
    of_runs(
        f"a changed file of {len(lines)} of {number:,} documents is visible", waited, "s", bar=VISIBLE_SECONDS
    ).print_json()
    Claim("a changed file is visible, slowest", max(waited), "s", bar=VISIBLE_SECONDS, runs=_CHANGES).print_json()
