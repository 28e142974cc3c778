"""Measures policies in simulated worlds whose truth is hidden from them.

A bandit's share of the oracle, several steps against the logger and greedy, coverage of the intervals, null worlds that
the judge calls better, and logs that it must refuse.
"""

from __future__ import annotations

from bench.options import make_parser
from bench.policy import bandit, course, coverage, verdict


def main() -> None:
    """Print the claims of each measurement."""
    parser = make_parser(__doc__)
    parser.add_argument(
        "--first", type=int, default=1_000, help="seed of the first world; settings were chosen on 0 to 99"
    )
    options = parser.parse_args()
    for part in (bandit, course, coverage, verdict):
        for claim in part.measure(is_quick=options.quick, first=options.first):
            claim.print_json()


if __name__ == "__main__":
    main()
