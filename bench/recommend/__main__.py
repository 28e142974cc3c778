"""Measures recommendation: lists of a month, items never bought before, what a lower price costs, answers over HTTP."""

from __future__ import annotations

from bench.options import make_parser, runs_of
from bench.recommend import month, serving


def main() -> None:
    """Print the claims of each measurement."""
    chosen = make_parser(__doc__).parse_args()
    for item in ("product_type", "product_id"):
        for claim in month.measure(item):
            claim.print_json()
    serving.measure(None, runs_of(chosen, serving.ROUNDS, 200))


if __name__ == "__main__":
    main()
