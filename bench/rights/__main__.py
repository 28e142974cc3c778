"""Measures the rights of data subjects: `python -m bench rights`.

Each part runs in a process of its own; `--only PART` runs one. Three parts need a market: `--data FOLDER` names a data
folder with a finished run, which is only copied. Without it, a market is simulated and run first.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from bench.options import handed_on, make_parser
from bench.rights.resurrection import pipeline

PARTS = ("residue", "resurrection", "erasure_time", "effect")
OF_A_MARKET = ("copies", "killed", "market")


def main() -> int:
    """Run the parts, and return the highest exit code."""
    parser = make_parser(__doc__, "python -m bench.rights")
    parser.add_argument("--only", choices=[*PARTS, *OF_A_MARKET])
    parser.add_argument("--data", type=Path)
    chosen = parser.parse_args()
    codes = [_run(part, handed_on(chosen)) for part in PARTS if chosen.only in (None, part)]
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as spare:
        data = chosen.data
        for part in OF_A_MARKET:
            if chosen.only not in (None, part):
                continue
            if data is None:
                data = Path(spare) / "data"
                pipeline(data, data / "secret", "simulate", *(["--households", "40"] if chosen.quick else []))
                pipeline(data, data / "secret", "run")
            options = ["--kills", "3" if chosen.quick else "100"] if part == "killed" else handed_on(chosen)
            codes.append(_run(part, [str(data), *options]))
    return max(codes)


def _run(part: str, options: list[str]) -> int:
    return subprocess.run([sys.executable, "-m", f"bench.rights.{part}", *options], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
