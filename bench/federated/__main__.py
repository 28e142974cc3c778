"""Measures federated learning. Each part is a module of this package and runs in a process of its own:

linear         a federated regression against a central fit and against plain federated averaging
worth          what models are worth to unlike sites; trees against scikit-learn's; a site with inverted outcomes
secure_sum     a masked sum beside Flower's SecAgg+, and with sites that drop out
privacy        the claimed privacy against dp-accounting's and against an attack
intersection   the customers that two parties share
"""

from __future__ import annotations

import json
import subprocess
import sys

from bench.options import handed_on, make_parser

PARTS = ("linear", "worth", "secure_sum", "privacy", "intersection")


def main() -> int:
    """Print one JSON line a claim; return 1 if a part fails or a claim with a bar does not hold."""
    parser = make_parser(__doc__, "python -m bench federated")
    parser.add_argument("--part", choices=PARTS, action="append", help="measure this part only")
    options = parser.parse_args()
    is_failed = False
    for part in options.part or PARTS:
        command = [sys.executable, "-m", f"bench.federated.{part}", *handed_on(options)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        print(done.stdout, end="", flush=True)
        claims = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"claim"')]
        is_failed |= done.returncode != 0 or any(claim["holds"] is False for claim in claims)
    return int(is_failed)


if __name__ == "__main__":
    sys.exit(main())
