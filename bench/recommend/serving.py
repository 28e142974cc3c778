"""Measures `POST /v1/recommendations` beside an empty endpoint, with an experiment and a policy that take part.

`--data FOLDER` takes a market that was made before; otherwise one of 150 households is simulated and run.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np

from agent_serving.services import open_api_keys
from bench.claim import Claim
from bench.console.market import copied, simulate
from bench.features.http_load import Route, server
from bench.options import make_parser, runs_of
from features.experiment.service import Experiments
from features.policy.service import PolicyService
from features.recommend.form import CANDIDATE
from features.retrieval.answer import Caller
from installation.installation import Installation
from installation.settings import load_settings

ROUNDS, MORE_MS = 2000, 20.0
KINDS = {"with consent": True, "without consent": False}
_EXPERIMENT = """
name: bench_list
purpose: personalisation
subject: recommendation
start: {start}
days: 28
variants:
  - {{name: control, version: {version}, share: 0.5}}
  - {{name: treatment, version: popularity/1, share: 0.5}}
metric: {{name: spend, unit: USD}}
"""
_POLICY = """
name: recommendation
purpose: personalisation
arms: [relevance, thrifty, balanced, discovery]
context: [discount_share_90d, order_count_90d]
"""


def measure(data: Path | None, rounds: int) -> None:
    """Print the p50 and p99 of a customer who permits personalisation and of others, in turn with the empty one."""
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as spare:
        folder = copied(data or simulate(Path(spare) / "market"), Path(spare) / "served")
        key, customers = _prepare(folder)
        os.environ["BOJAGI_DATA_DIR"] = str(folder)
        with (
            server("bench.features.empty_server", str(Path(spare) / "append.log")) as (empty, _),
            server("pipelines.cli", "serve", "--data", str(folder)) as (port, _),
        ):
            floors = {name: Route.of(empty, f"/{name}", {}) for name in ("empty", "append")}
            found = _ask(port, key, customers, floors, rounds)
    floor = _quantiles(floors["empty"].seconds)
    print({"one durable append": _quantiles(floors["append"].seconds)}, "p50, p99 in ms", file=sys.stderr)
    for kind, seconds in found.items():
        p50, p99 = _quantiles(seconds)
        about, peer = f"recommendations over HTTP, {kind}", "an empty endpoint"
        Claim(f"{about}, p50", p50, "ms", floor[0], peer, runs=len(seconds)).print_json()
        Claim(f"{about}, p99", p99, "ms", floor[1], peer, bar=floor[1] + MORE_MS, runs=len(seconds)).print_json()


def _prepare(folder: Path) -> tuple[str, list[str]]:
    """Create a key, an experiment and a policy; return the key and customers with and without a list of their own."""
    with Installation(load_settings(data_dir=folder)) as installation:
        with closing(open_api_keys(installation)) as keys:
            key = keys.create("bench", "agent", frozenset({"personalisation"}))[1]
        row = installation.lakehouse.rows(CANDIDATE, ["versions"]).slice(0, 1).to_pylist()[0]
        start = installation.decision_moment().date()
        text = _EXPERIMENT.format(start=start, version=row["versions"][0])
        with Experiments(installation) as experiments:
            experiments.create(text, Caller("bench", "marketer"))
        with closing(PolicyService(installation)) as policies:
            policies.create(_POLICY, "bench")
        return key, sorted(installation.lakehouse.rows("silver/customer", ["customer_id"])["customer_id"].to_pylist())


def _ask(port: int, key: str, customers: list[str], floors: dict[str, Route], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of the answers by whether the list was personal; the floors are asked in turn."""
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    routes = {one: Route.of(port, "/v1/recommendations", {"customer": one}, key) for one in customers}
    first = next(iter(routes.values()))
    connection, floor = first.connect(), floors["empty"].connect()
    for number in range(rounds + len(customers)):
        route = routes[customers[number % len(customers)]]
        answer = json.loads(route.ask(connection))
        for one in floors.values():
            one.ask(floor)
        assert not route.failures, answer
        is_permitted = answer["not_personal"] is None
        if number >= len(customers):
            found["with consent" if is_permitted else "without consent"].append(route.seconds[-1])
    connection.close()
    floor.close()
    for one in floors.values():
        del one.seconds[: len(customers)]
    return found


def _quantiles(seconds: list[float]) -> tuple[float, float]:
    p50, p99 = np.quantile(np.array(seconds) * 1000, [0.5, 0.99]).tolist()
    return p50, p99


def main() -> None:
    """Print the claims."""
    parser = make_parser(__doc__, "python -m bench.recommend.serving")
    parser.add_argument("--data", type=Path)
    chosen = parser.parse_args()
    measure(chosen.data, runs_of(chosen, ROUNDS, 200))


if __name__ == "__main__":
    main()
