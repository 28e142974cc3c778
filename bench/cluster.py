"""Runs every table on a Spark server apart with tables on S3, kills the server once, and compares with Sail's tables.

The server is a process in its own mount namespace. It sees neither our packages nor the data folder. It is killed when
the customers are built, and started again. The tables must be those of an undisturbed run on Sail in a local folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import copytree
from time import perf_counter

from bench.claim import Claim
from bench.comparison import COMPARED, differences
from bench.engines import BOJAGI
from bench.options import make_parser
from bench.process import run_measured
from installation.object_store.place import fetch
from tests.object_store import object_store
from tests.spark_server import SparkServer

KILLED_AT = "silver/customer "
ROOT = "s3://shop/lakehouse"


def main() -> int:
    """Print the time of the disturbed run, the tables that failed, and the tables that differ from Sail's."""
    options = make_parser(__doc__).parse_args()
    households = "10" if options.quick else "60"
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as text, object_store() as store:
        here, there = Path(text, "sail"), Path(text, "cluster")
        run_measured([*BOJAGI, "simulate", "--out", str(here), "--households", households])
        _write_token_key(here)
        copytree(here, there)
        run_measured([*BOJAGI, "run", "--data", str(here)])
        store.new_bucket("shop")
        server = SparkServer(Path(text), [there])
        server.start()
        try:
            place = {"BOJAGI_LAKEHOUSE_ROOT": ROOT, "BOJAGI_STORAGE_OPTIONS": json.dumps(store.options)}
            started = perf_counter()
            lines = _run_disturbed(server, {"BOJAGI_DATA_DIR": str(there), "BOJAGI_ENGINE": server.url, **place})
            seconds = perf_counter() - started
        finally:
            server.kill()
        fetch(ROOT, store.options, there / "lakehouse")
        differing = differences(here, there)
    for table, message in sorted(differing.items()):
        print(f"{table} differs: {message}", file=sys.stderr)
    failed = [line for line in lines if line.startswith("✗")]
    print("".join(failed), end="", file=sys.stderr)
    Claim("run on a Spark server that is killed once", seconds, "s").print_json()
    Claim("tables that failed in it", len(failed), "tables", bar=0).print_json()
    Claim(f"of {len(COMPARED)} tables, those that differ from Sail's", len(differing), "tables", bar=0).print_json()
    return 0


def _run_disturbed(server: SparkServer, environment: dict[str, str]) -> list[str]:
    """Run all tables; kill the server and start it again when the customers are built; return the printed lines."""
    lines: list[str] = []
    is_killed = False
    command = [*BOJAGI, "run"]
    with subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if KILLED_AT in line and not is_killed:
                is_killed = True
                server.kill()
                server.start()
    if not is_killed:
        raise RuntimeError(f"The run printed no line of {KILLED_AT.strip()}, so the server was not killed: {lines}")
    return lines


def _write_token_key(data: Path) -> None:
    """Give both runs the same key: they make the same matching tokens, by which their customers are compared."""
    key = data / "secret/token.key"
    key.parent.mkdir(mode=0o700, exist_ok=True)
    key.touch(mode=0o600)
    key.write_text("6b" * 32)


if __name__ == "__main__":
    sys.exit(main())
