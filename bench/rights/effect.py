"""Measures how soon an approval counts: in features of another server process, and in reads of a table.

`python -m bench.rights.effect` serves one installation by two processes. One approves erasures, restrictions and
objections over HTTP; the other is asked for features of the same customers until they are withheld. A table is read in
this process. The agent's tools about a customer read features, so their figure is that of the features.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import cycle
from pathlib import Path

import httpx
import pyarrow as pa

from agent_serving.services import open_api_keys
from bench.claim import Claim
from bench.features.http_load import server
from bench.features.market import PURPOSE, ROLE, SERVICE, open_market
from bench.options import make_parser
from installation.installation import Installation

APPROVALS, CUSTOMERS, BAR_SECONDS, PATIENCE_SECONDS = 150, 10_000, 1.0, 30.0
RIGHTS = ("erasure", "restriction", "objection")
TABLE, COLUMN = "gold/customer_purchase_behaviour", "order_count"


def main() -> None:
    """Print the claims."""
    options = make_parser(__doc__).parse_args()
    approvals = 15 if options.quick else APPROVALS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        installation, names = open_market(folder, CUSTOMERS)
        rows = pa.table({"customer_id": names[:1000], COLUMN: pa.array(range(1000), pa.int64())})
        installation.lakehouse.append_rows(TABLE, rows)
        with closing(open_api_keys(installation)) as keys:
            reader = keys.create("bench", ROLE, frozenset({PURPOSE}))[1]
            officer = keys.create("officer", "privacy_officer", frozenset({"legal_records"}))[1]
        os.environ["BOJAGI_CONFIG"] = str(folder / "bojagi.toml")
        with server("pipelines.cli", "serve") as (one, _), server("pipelines.cli", "serve") as (other, _):
            measure(client(one, officer), client(other, reader), installation, names[:1000], approvals)
        installation.close()


def measure(
    officer: httpx.Client, reader: httpx.Client, installation: Installation, names: list[str], approvals: int
) -> None:
    """Print the longest time from the answer to an approval until it counts, the time of the read included."""
    permitting = [name for name in names if not is_withheld(reader, name)]
    in_features: list[float] = []
    in_reads: list[float] = []
    rights = cycle(RIGHTS)
    for name in permitting[:approvals]:
        assert name in readable(installation)
        asked = {"right": next(rights), "customer_id": name, "channel": "letter"}
        number = officer.post("/v1/rights/requests", json=asked).json()["request"]["id"]
        officer.post(f"/v1/rights/requests/{number}/proof", json={"method": "passport_seen"}).raise_for_status()
        officer.post(f"/v1/rights/requests/{number}/approval").raise_for_status()
        begun = time.perf_counter()
        waits = [
            (in_features, partial(is_withheld, reader, name)),
            (in_reads, partial(is_unreadable, installation, name)),
        ]
        # In turns, since the one that is asked second waits for the first.
        for seconds, holds in waits if len(in_reads) % 2 else waits[::-1]:
            seconds.append(seconds_until(holds, begun))
    for what, seconds in (("features of another process", in_features), ("reads of a table", in_reads)):
        spread = (min(seconds), max(seconds))
        Claim(f"approval counts in {what}, slowest", max(seconds), "s", bar=BAR_SECONDS, runs=len(seconds),
              spread=spread).print_json()  # fmt: skip


def seconds_until(holds: Callable[[], bool], begun: float) -> float:
    """Return the seconds from `begun` until a condition holds; the condition is asked without a pause."""
    while not holds():
        if time.perf_counter() - begun > PATIENCE_SECONDS:
            print("an approval did not count within the patience of the bench", file=sys.stderr)
            raise SystemExit(1)
    return time.perf_counter() - begun


def is_withheld(reader: httpx.Client, name: str) -> bool:
    """Return whether every feature of a customer is withheld now."""
    answer = reader.post("/v1/features", json={"service": SERVICE, "purpose": PURPOSE, "customers": [name]})
    row = answer.raise_for_status().json()["customers"][0]
    return set(row["values"]) == set(row["withheld"])


def is_unreadable(installation: Installation, name: str) -> bool:
    """Return whether a read of the table leaves a customer out now."""
    return name not in readable(installation)


def readable(installation: Installation) -> set[str]:
    """Return the customers whose rows a read of the table returns now."""
    read = installation.table_reader("bench").read(TABLE, "privacy_officer", PURPOSE, ["customer_id"])
    return set(read.frame["customer_id"].to_pylist())


def client(port: int, key: str) -> httpx.Client:
    """Return a client of a server."""
    return httpx.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False
    )


if __name__ == "__main__":
    main()
