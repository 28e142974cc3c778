"""Measures insight: sizes of audiences, models out of time and their calibration, CDNOW, and a million customers."""

from __future__ import annotations

from bench.insight import asker, cdnow, out_of_time, scale
from bench.options import make_parser

QUICK_CUSTOMERS = 20_000


def main() -> None:
    """Print the claims of each measurement."""
    options = make_parser(__doc__).parse_args()
    customers = QUICK_CUSTOMERS if options.quick else scale.CUSTOMERS
    for claims in (asker.measure(), out_of_time.measure(), cdnow.measure(), scale.measure(customers)):
        for claim in claims:
            claim.print_json()


if __name__ == "__main__":
    main()
