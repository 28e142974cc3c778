"""Measures federated learning: models against a central fit. Each part is a module of this package."""

from __future__ import annotations

import sys

from bench.federated.linear import measure_linear
from bench.options import make_parser


def main() -> int:
    """Print one JSON line a claim; return 1 if a claim with a bar does not hold."""
    options = make_parser(__doc__, "python -m bench federated").parse_args()
    claims = []
    for sites in (5,) if options.quick else (5, 50):
        claims += measure_linear(sites, seed=7)
    for claim in claims:
        claim.print_json()
    return int(any(claim.holds is False for claim in claims))


if __name__ == "__main__":
    sys.exit(main())
