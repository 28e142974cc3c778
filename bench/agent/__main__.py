"""Measures the shopping agent: `python -m bench agent`.

Each part runs in a process of its own; `--only PART` runs one.
"""

from __future__ import annotations

import subprocess
import sys

from bench.options import handed_on, make_parser

PARTS = ("understanding", "grounding", "attack", "conversation")


def main() -> int:
    """Run the parts, and return the highest exit code."""
    parser = make_parser(__doc__, "python -m bench.agent")
    parser.add_argument("--only", choices=PARTS)
    chosen = parser.parse_args()
    return max(
        subprocess.run([sys.executable, "-m", f"bench.agent.{part}", *handed_on(chosen)], check=False).returncode
        for part in PARTS
        if chosen.only in (None, part)
    )


if __name__ == "__main__":
    sys.exit(main())
