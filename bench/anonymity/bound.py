"""Computes a lower bound of the information loss of Adult: python -m bench.anonymity.bound [--data FOLDER] [K ...].

No k-anonymous release with hierarchy labels and without suppression can lose less than the bound. It is the Lagrangian
dual over every label of the lattice. No tool can reach a target below it. One bound takes about a minute and 3 GB.
"""

from __future__ import annotations

import sys

import numpy as np

from bench.anonymity.__main__ import BARS
from bench.anonymity.adult import add_data, data_folder, make_spec, read_adult
from bench.options import make_parser
from privacy.anonymity.search.local_recoding import make_problem
from privacy.anonymity.search.loss_bound import lower_bound
from privacy.anonymity.table.frequency_table import tabulate

STEPS, QUICK_STEPS = 300, 10
USUAL = (5, 10, 25, 50)


def main() -> int:
    """Prints the bound beside the target loss for each k."""
    parser = make_parser(__doc__, "python -m bench.anonymity.bound")
    add_data(parser)
    parser.add_argument("k", nargs="*", type=int, metavar="K", help="some of 5, 10, 25 and 50")
    options = parser.parse_args()
    if strange := set(options.k) - set(USUAL):
        parser.error(f"no target loss is recorded for k={min(strange)}; choose k from {', '.join(map(str, USUAL))}")
    folder = data_folder(options)
    raw = read_adult(folder)
    steps = QUICK_STEPS if options.quick else STEPS
    for k in options.k or (USUAL[:1] if options.quick else USUAL):
        spec = make_spec(folder, "hierarchy", [{"name": "k_anonymity", "k": k}])
        table = tabulate(raw, spec).table
        problem, count = make_problem(table, np.arange(len(table.count)), spec)
        bound = lower_bound(table, problem, count, steps) / table.rows
        subject = "the bar cannot be reached" if bound > BARS["hierarchy"][f"k={k}"] else "the bar may be reachable"
        print(f"k={k}: at least {bound:.5f}; bar {BARS['hierarchy'][f'k={k}']}: {subject}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
