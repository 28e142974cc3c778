"""Measures federated learning: models against a central fit. Each part is a module of this package."""

from __future__ import annotations

import sys

from bench.federated.linear import measure_linear
from bench.federated.worth import measure_poison, measure_trees, measure_worth
from bench.options import make_parser, runs_of

DRAWS = 6


def main() -> int:
    """Print one JSON line a claim; return 1 if a claim with a bar does not hold."""
    options = make_parser(__doc__, "python -m bench federated").parse_args()
    claims = []
    for sites in (5,) if options.quick else (5, 50):
        claims += measure_linear(sites, seed=7)
        claims += measure_worth(sites, runs_of(options, DRAWS, quick=2))
    runs = runs_of(options, DRAWS, quick=2)
    claims += [*measure_trees(runs), *measure_poison(runs)]
    for claim in claims:
        claim.print_json()
    return int(any(claim.holds is False for claim in claims))


if __name__ == "__main__":
    sys.exit(main())
