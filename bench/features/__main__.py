"""Measures the features against Feast and raw reads: `python -m bench features`.

The parts are the online store, its materialisation, retrievals in the process that asks, a million random look-ups, and
the HTTP application. `--only PART` measures one part; the last three run in processes of their own. `--data FOLDER`
keeps the drawn data. `--no-peer` leaves out the materialisation into Feast's SQLite store, which takes longest.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from bench.features import store
from bench.options import handed_on, make_parser

OWN_PROCESS = ("retrieval", "lookup", "serving")


def main() -> int:
    """Measure each part, and print the claims."""
    parser = make_parser(__doc__, "python -m bench.features")
    parser.add_argument("--only", choices=["store", "materialisation", *OWN_PROCESS])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--customers", type=int, help="of the materialisation; default 1,000,000")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as spare:
        folder = chosen.data or Path(spare)
        folder.mkdir(parents=True, exist_ok=True)
        if chosen.only in (None, "store"):
            customers, seconds, lookups = (2_000, 1.0, 10_000) if chosen.quick else (10_000, 10.0, 100_000)
            store.measure(folder, customers, seconds, lookups)
        if chosen.only in (None, "materialisation"):
            customers = chosen.customers or (20_000 if chosen.quick else 1_000_000)
            store.measure_materialisation(folder, customers, not chosen.no_peer)
    for part in OWN_PROCESS:
        if chosen.only in (None, part):
            subprocess.run([sys.executable, "-m", f"bench.features.{part}", *handed_on(chosen)], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
