"""Measures the same refresh of the same landed files on Sail and on Apache Spark, in turn.

Both engines must make the same tables. The number of tables that differ is a claim.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from shutil import copy, copytree

from bench.claim import Claim, of_runs
from bench.comparison import COMPARED, differences
from bench.options import make_parser, runs_of
from bench.process import Measured, run_measured
from installation.reference_date import RUN_DATE_FILE

RUNS = 3
BOJAGI = [sys.executable, "-m", "pipelines.cli"]
MOST_TIMES = 4.0
"""A whole run on Apache Spark may take so many times that on Sail."""
ENGINES = ("sail", "spark")


def main() -> int:
    """Measure `bojagi run` from landed files to gold on both engines, and compare their tables."""
    options = make_parser(__doc__).parse_args()
    measured: dict[str, list[Measured]] = {engine: [] for engine in ENGINES}
    differing: dict[str, str] = {}
    for turn in range(runs_of(options, RUNS)):
        with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder:
            size = ["--households", "60"] if options.quick else []
            run_measured([*BOJAGI, "simulate", "--out", f"{folder}/sail", *size])
            for engine in ENGINES:
                made = run_measured([*BOJAGI, "run", "--data", f"{folder}/{engine}", "--engine", engine])
                measured[engine].append(made)
                figures = f"{made.seconds:.1f} s, {made.cpu_seconds:.1f} s of processor, {made.peak_gib:.2f} GiB"
                print(f"run {turn + 1} on {engine}: {figures}", file=sys.stderr)
                if engine == "sail":
                    _land_the_same(Path(folder))
            differing |= differences(Path(folder, "sail"), Path(folder, "spark"))
    for table, message in sorted(differing.items()):
        print(f"{table} differs: {message}", file=sys.stderr)
    sail, spark = measured["sail"], measured["spark"]
    seconds = [one.seconds for one in sail]
    of_runs(
        "whole run on Apache Spark", [one.seconds for one in spark], "s", others=seconds, peer="Sail",
        bar=MOST_TIMES, on_ratio=True,
    ).print_json()  # fmt: skip
    used = [one.cpu_seconds for one in sail]
    of_runs(
        "processor time on Apache Spark", [one.cpu_seconds for one in spark], "s", others=used, peer="Sail"
    ).print_json()
    gigabytes = [one.peak_gib for one in sail]
    of_runs(
        "peak memory on Apache Spark", [one.peak_gib for one in spark], "GiB", others=gigabytes, peer="Sail"
    ).print_json()
    Claim(f"of {len(COMPARED)} tables, those that differ between engines", len(differing), "tables", bar=0).print_json()
    return 0


def _land_the_same(folder: Path) -> None:
    """Copy the landed files, their run date and the token key from the Sail folder to the Spark folder.

    With the same key both runs make the same matching tokens, by which their customers are compared.
    """
    copytree(folder / "sail/landing", folder / "spark/landing")
    copy(folder / "sail" / RUN_DATE_FILE, folder / "spark")
    secret = folder / "spark/secret"
    secret.mkdir(mode=0o700)
    key = secret / "token.key"
    key.touch(mode=0o600)
    key.write_bytes((folder / "sail/secret/token.key").read_bytes())


if __name__ == "__main__":
    sys.exit(main())
