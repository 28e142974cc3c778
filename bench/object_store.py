"""Measures the same run on a local folder and on S3, in turn, and compares the tables of both.

The server is moto on the loopback address, in a process of its own on the same cores. Each turn loads the same landed
files into an empty lakehouse. With `--spark`, Apache Spark makes the tables on S3 once more, which must be equal too.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from shutil import copy, copytree, rmtree

from bench.claim import Claim, of_runs
from bench.comparison import COMPARED, differences
from bench.engines import BOJAGI
from bench.options import make_parser, runs_of
from bench.process import run_measured
from installation.object_store.place import fetch
from installation.reference_date import RUN_DATE_FILE
from tests.object_store import ObjectStore, object_store

RUNS = 3
MOST_TIMES = 1.5
"""A run on S3 may take so many times that on a local folder."""


def main() -> int:
    """Print the times of both places, their ratio, and the number of tables that differ."""
    parser = make_parser(__doc__)
    parser.add_argument("--spark", action="store_true", help="also run Apache Spark on S3 and compare its tables")
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {"local": [], "s3": []}
    differing: dict[str, str] = {}
    with object_store() as store, tempfile.TemporaryDirectory(prefix="bojagi-bench-") as text:
        folder = Path(text)
        size = ["--households", "60"] if options.quick else []
        run_measured([*BOJAGI, "simulate", "--out", f"{folder}/landed", *size])
        for turn in range(runs_of(options, RUNS)):
            # In another order each time, so that a machine that becomes slower favours neither.
            for place in ("local", "s3") if turn % 2 == 0 else ("s3", "local"):
                seconds[place].append(_run(folder, place, "sail", store, f"turn-{turn}"))
                print(f"run {turn + 1}, {place}: {seconds[place][-1]:.1f} s", file=sys.stderr)
            differing |= differences(folder / "local", folder / "s3")
        if options.spark:
            _run(folder, "s3", "spark", store, "spark")
            differing |= {
                f"{name} on spark": text for name, text in differences(folder / "local", folder / "s3").items()
            }
    for table, message in sorted(differing.items()):
        print(f"{table} differs: {message}", file=sys.stderr)
    of_runs(
        "run on S3 (moto on loopback)", seconds["s3"], "s", others=seconds["local"], peer="a local folder",
        bar=MOST_TIMES, on_ratio=True,
    ).print_json()  # fmt: skip
    Claim(f"of {len(COMPARED)} tables, those that differ on S3", len(differing), "tables", bar=0).print_json()
    return 0


def _run(folder: Path, place: str, engine: str, store: ObjectStore, bucket: str) -> float:
    """Run from the landed files into an empty lakehouse; fetch the tables of S3; return the seconds of the run."""
    data = folder / place
    rmtree(data, ignore_errors=True)
    copytree(folder / "landed/landing", data / "landing")
    copy(folder / "landed" / RUN_DATE_FILE, data)
    # With the same key all runs make the same matching tokens, by which their customers are compared.
    (data / "secret").mkdir(mode=0o700)
    key = data / "secret/token.key"
    key.touch(mode=0o600)
    key.write_text("6b" * 32)
    env, root = {"BOJAGI_DATA_DIR": str(data), "BOJAGI_ENGINE": engine}, f"s3://{bucket}/lakehouse"
    if place == "s3":
        store.new_bucket(bucket)
        env |= {"BOJAGI_LAKEHOUSE_ROOT": root, "BOJAGI_STORAGE_OPTIONS": json.dumps(store.options)}
    made = run_measured([*BOJAGI, "run"], env=env)
    if place == "s3":
        fetch(root, store.options, data / "lakehouse")
    return made.seconds


if __name__ == "__main__":
    sys.exit(main())
