"""Measures how time, memory and bytes of `bojagi run` grow with the market: scale 1 (first and second run), scale 10.

`--scale 30` measures that scale instead of scale 10. On a machine that is in use, the processor time tells more than
the time on the clock.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.claim import Claim, of_runs
from bench.engines import BOJAGI
from bench.options import make_parser, runs_of
from bench.process import Measured, run_measured

RUNS = 3
LARGEST_MEMORY_GIB = 16
SLOWEST_SHOWN = 12


@dataclass(frozen=True)
class Growth:
    """A first run on an empty folder, which simulates its input, and a second run without new files.

    `seconds` has the time of each table in the first run. `landed` and `bronze` are bytes of files.
    """

    first: Measured
    again: Measured
    seconds: dict[str, float]
    landed: int
    bronze: int


def measure(scale: int) -> Growth:
    """Measure the two runs of a market of this scale, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder:
        command = [*BOJAGI, "run", "--data", folder, "--scale", str(scale), "--json"]
        first = run_measured(command)
        again = run_measured(command)
        landed, bronze = _bytes(Path(folder, "landing")), _bytes(Path(folder, "lakehouse", "bronze"))
    print(
        f"scale {scale}: {first.seconds:.1f} s, {first.cpu_seconds:.1f} s of processors, {first.peak_gib:.2f} GiB; "
        f"again {again.seconds:.1f} s; landed {landed:,} bytes, bronze {bronze:,}",
        file=sys.stderr,
    )
    return Growth(first, again, _seconds_of_tables(first.output), landed, bronze)


def main() -> int:
    """Measure scale 1 (several runs) and a larger one (one run; scale 2 with --quick)."""
    parser = make_parser(__doc__)
    parser.add_argument("--scale", type=int, default=10, help="the larger scale")
    options = parser.parse_args()
    scale = 2 if options.quick else options.scale
    small = [measure(1) for _ in range(runs_of(options, RUNS))]
    large = measure(scale)
    firsts = [one.first.seconds for one in small]
    of_runs("first run, scale 1", firsts, "s", bar=60).print_json()
    of_runs("peak memory, scale 1", [one.first.peak_gib for one in small], "GiB", bar=4).print_json()
    of_runs("second run, nothing new", [one.again.seconds for one in small], "s", bar=20).print_json()
    one = sorted(small, key=lambda growth: growth.first.seconds)[len(small) // 2]
    for what, ours, other, bar in (
        ("run", large.first.seconds, one.first.seconds, scale),
        ("processor time of the run", large.first.cpu_seconds, one.first.cpu_seconds, scale),
    ):
        Claim(f"{what} at scale {scale}", ours, "s", other, "scale 1", bar, on_ratio=True).print_json()
    Claim(f"bronze at scale {scale}", large.bronze, "bytes", large.landed, "landed", 1.5, on_ratio=True).print_json()
    Claim(f"peak memory, scale {scale}", large.first.peak_gib, "GiB", bar=LARGEST_MEMORY_GIB).print_json()
    _print_tables(one.seconds, large.seconds, scale)
    return 0


def _print_tables(small: dict[str, float], large: dict[str, float], scale: int) -> None:
    """Print the slowest tables of the larger run to standard error, with how many times their time at scale 1."""
    for table in sorted(large, key=lambda name: -large[name])[:SLOWEST_SHOWN]:
        before = small.get(table, 0.0)
        times = f"{large[table] / before:.1f} times" if before else ""
        print(f"{table:<40} {before:>8.1f} s {large[table]:>8.1f} s  {times} of {scale}", file=sys.stderr)


def _seconds_of_tables(output: str) -> dict[str, float]:
    """Return the seconds of each table from the output of `bojagi run --json`, whose JSON follows the messages."""
    document, _ = json.JSONDecoder().raw_decode(f"\n{output}".partition("\n{\n")[2].join(("{", "")))
    return {turn["table"]: turn["seconds"] for turn in document["turns"]}


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    sys.exit(main())
