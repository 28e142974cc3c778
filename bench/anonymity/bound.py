"""How much Adult must lose at the least: python -m bench.anonymity.bound [--data FOLDER] [K ...].

No k-anonymous release with hierarchy labels and nobody suppressed can lose less, whatever finds it: the Lagrangian
dual over every label of the lattice. A bar below the bound cannot be reached. About a minute and 3 GB a bound.
"""

from __future__ import annotations

import sys

import numpy as np

from bench.anonymity.__main__ import BARS
from bench.anonymity.adult import data_folder, make_spec, read_adult
from privacy.anonymity.candidate import lower_bound
from privacy.anonymity.local_recoding import make_problem
from privacy.anonymity.table import tabulate

STEPS = 120


def main() -> int:
    """Print the bound beside the bar for each k."""
    folder = data_folder()
    raw = read_adult(folder)
    wanted = [int(word) for word in sys.argv[1:] if word.isdigit()] or [5, 10, 25, 50]
    for k in wanted:
        spec = make_spec(folder, "hierarchy", [{"name": "k_anonymity", "k": k}])
        table = tabulate(raw, spec).table
        problem, count = make_problem(table, np.arange(len(table.count)), spec)
        bound = lower_bound(table, problem, count, STEPS) / table.rows
        told = "the bar cannot be reached" if bound > BARS["hierarchy"][f"k={k}"] else "the bar may be reachable"
        print(f"k={k}: at least {bound:.5f}; bar {BARS['hierarchy'][f'k={k}']}: {told}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
