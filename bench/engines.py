"""Engines side by side: the same refresh of the same landed files on Sail and on Apache Spark, in turn."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.claim import of_runs
from bench.process import run_measured

RUNS = 3
BOJAGI = [str(Path(sys.executable).parent / "bojagi")]


def main() -> int:
    """Measure `bojagi run` from landed files to gold on both engines."""
    quick = "--quick" in sys.argv
    seconds: dict[str, list[float]] = {"sail": [], "spark": []}
    memory: dict[str, list[float]] = {"sail": [], "spark": []}
    for turn in range(1 if quick else RUNS):
        for engine in seconds:
            with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder:
                size = ["--households", "60"] if quick else []
                run_measured([*BOJAGI, "simulate", "--out", folder, *size])
                measured = run_measured([*BOJAGI, "run", "--data", folder, "--engine", engine])
            print(
                f"run {turn + 1} on {engine}: {measured.seconds:.1f} s, {measured.peak_gib:.2f} GiB",
                file=sys.stderr,
            )
            seconds[engine].append(measured.seconds)
            memory[engine].append(measured.peak_gib)
    peer = "Apache Spark local"
    of_runs("whole run on Sail", seconds["sail"], "s", others=seconds["spark"], peer=peer).tell()
    of_runs("peak memory on Sail", memory["sail"], "GiB", others=memory["spark"], peer=peer).tell()
    return 0


if __name__ == "__main__":
    sys.exit(main())
