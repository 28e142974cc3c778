"""Lets two machines work on one lakehouse and one PostgreSQL while their processes are killed, and checks the end.

python -m bench.fleet                     the lakehouse is on a server that speaks S3, on the loopback address
python -m bench.fleet --root folder       the lakehouse is a shared folder

Each machine has a data folder and a secret folder of its own. On each, one process serves (reads, consents, statistics
with differential privacy) and one works (runs of the pipeline, erasures). A process prints each operation when it is
acknowledged. Processes are killed by SIGKILL, with the commands that they have started, at random moments.

At the end each machine runs once more, and `faults_of` compares what it finds with what was acknowledged.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from bench.claim import Claim
from bench.fleet.disturbance import disturb
from bench.fleet.fault import faults_of
from bench.fleet.machine import Plan, open_fleet
from bench.options import make_parser

SMALL_RUN = '+key:"gold/customer_360"'
"""The profile of a customer, and every table that it is made from."""


def main() -> int:
    """Run the bench; the exit code is 1 if something was lost."""
    from tests.database_server import postgres_server, s3_server

    parser = make_parser(__doc__)
    parser.add_argument("--root", choices=["s3", "folder"], default="s3", help="where the lakehouse is")
    parser.add_argument("--work", type=Path, help="a new folder that is kept; default: a temporary one")
    parser.add_argument("--seed", default="23")
    parser.add_argument("--select", default=SMALL_RUN, help="the tables of a run, in Dagster's selection syntax")
    options = parser.parse_args()
    quick = Plan(operations=120, runs=3, erasures=2, kills=6, households=20, selection=SMALL_RUN)
    plan = quick if options.quick else Plan(selection=options.select)
    with ExitStack() as stack:
        folder = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bojagi-fleet-")))
        folder.mkdir(parents=True, exist_ok=True)
        server = stack.enter_context(postgres_server(flushes=True))
        root, access = str(folder / "lakehouse"), dict[str, str]()
        if options.root == "s3":
            url, client = stack.enter_context(s3_server())
            client.create_bucket(Bucket="shop")
            root = "s3://shop/lakehouse"
            access = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1"}
            access |= {"AWS_ENDPOINT_URL": url, "AWS_ALLOW_HTTP": "true"}
        database = f"postgresql://owner:owner@127.0.0.1:{server.port}/shop"
        fleet = stack.enter_context(open_fleet(folder, database, root, access, plan))
        started = time.monotonic()
        outcome = disturb(fleet, plan, int(options.seed))
        seconds = time.monotonic() - started
        faults = faults_of(fleet, outcome, plan)
    counts = Counter(f"{line['kind']} {line['state']}" for line in outcome.lines)
    print(json.dumps({"kills": outcome.kills, "seconds": round(seconds), "faults": faults[:20], **counts}))
    Claim("faults after two machines were killed at random", len(faults), "faults", bar=0).print_json()
    return int(bool(faults))


if __name__ == "__main__":
    raise SystemExit(main())
