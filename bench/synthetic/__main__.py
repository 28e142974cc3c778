"""Measures synthetic data: the Adult table beside dpmm and SDV, what the release gate catches, customers with events.

python -m bench.synthetic [adult] [gate] [events]   the named parts; without a name all
`--data FOLDER` is the folder of adult.csv and its hierarchies. `--peers FOLDER` holds the environments of dpmm and SDV,
which are made there at the first run; SDV takes 5 GB. `--quick` measures one run without peers.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.anonymity.adult import add_data, data_folder
from bench.options import make_parser, runs_of
from bench.peer_environment import python_with
from bench.synthetic import adult, events, gate
from bench.synthetic.peers import SDV_ENVIRONMENT, SDV_PACKAGES

RUNS = 10
PEER_PEOPLE = 200
"""Customers that HMA of SDV learns from; all of them would take it days."""
PARTS = ("adult", "gate", "events")


def main() -> int:
    """Measure the named parts."""
    parser = make_parser(__doc__, "python -m bench.synthetic")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"some of: {', '.join(PARTS)}")
    parser.add_argument("--peers", type=Path, default=Path("bench") / "results" / "synthetic-peers")
    add_data(parser)
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}; expected some of {', '.join(PARTS)}")
    parts, folder, runs = options.parts or PARTS, data_folder(options), runs_of(options, RUNS)
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as scratch:
        if "adult" in parts:
            adult.measure(folder, options.peers, Path(scratch), runs, options.quick)
        if "gate" in parts:
            gate.measure(folder, Path(scratch), runs)
    if "events" in parts:
        python = None if options.quick else python_with(options.peers / SDV_ENVIRONMENT, SDV_PACKAGES)
        customers = events.QUICK_CUSTOMERS if options.quick else events.CUSTOMERS
        for name in events.MARKETS:
            events.measure_market(name, customers, runs_of(options, events.RUNS), python, PEER_PEOPLE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
