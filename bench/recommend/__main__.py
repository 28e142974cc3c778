"""Measures recommendation: lists of a month, items never bought before, and what a lower price costs."""

from __future__ import annotations

from bench.options import make_parser
from bench.recommend import month


def main() -> None:
    """Print the claims of each measurement."""
    make_parser(__doc__).parse_args()
    for item in ("product_type", "product_id"):
        for claim in month.measure(item):
            claim.print_json()


if __name__ == "__main__":
    main()
