"""Measures time and memory of `bojagi run`: first run at scale 1, second run without new files, run at scale 10."""

from __future__ import annotations

import sys
import tempfile

from bench.claim import Claim, of_runs
from bench.engines import BOJAGI
from bench.options import make_parser, runs_of
from bench.process import Measured, run_measured

RUNS = 3


def first_and_second(scale: int) -> tuple[Measured, Measured]:
    """Measure a first run on an empty folder, which simulates its input, and a second run without new files."""
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder:
        command = [*BOJAGI, "run", "--data", folder, "--scale", str(scale)]
        first = run_measured(command)
        second = run_measured(command)
    print(
        f"scale {scale}: {first.seconds:.1f} s, {first.peak_gib:.2f} GiB; again {second.seconds:.1f} s",
        file=sys.stderr,
    )
    return first, second


def main() -> int:
    """Measure scale 1 (several runs) and scale 10 (one run; scale 2 with --quick)."""
    options = make_parser(__doc__).parse_args()
    small = [first_and_second(1) for _ in range(runs_of(options, RUNS))]
    large_scale = 2 if options.quick else 10
    large, _ = first_and_second(large_scale)
    firsts = [first.seconds for first, _ in small]
    of_runs("first run, scale 1", firsts, "s", bar=60).print_json()
    of_runs("peak memory, scale 1", [first.peak_gib for first, _ in small], "GiB", bar=4).print_json()
    of_runs("second run, nothing new", [again.seconds for _, again in small], "s", bar=20).print_json()
    scale_one = sorted(firsts)[len(firsts) // 2]
    Claim(
        f"run at scale {large_scale}",
        large.seconds,
        "s",
        other=scale_one,
        peer="scale 1",
        bar=11,
        on_ratio=True,
    ).print_json()
    Claim(f"peak memory, scale {large_scale}", large.peak_gib, "GiB", bar=12).print_json()
    return 0


if __name__ == "__main__":
    sys.exit(main())
