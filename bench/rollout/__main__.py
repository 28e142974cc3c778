"""Measures rollouts: `python -m bench rollout`. `--only PART` measures one part."""

from __future__ import annotations

from bench.options import make_parser, runs_of
from bench.rollout import error_rate, speed

PARTS = ("false", "doubled", "service", "speed")


def main() -> None:
    """Measure the parts and print their claims."""
    parser = make_parser(__doc__, "python -m bench.rollout")
    parser.add_argument("--only", choices=PARTS)
    options = parser.parse_args()
    runs = runs_of(options, 1000, 20)
    measured = {
        "false": lambda: error_rate.false_rollbacks(runs),
        "doubled": lambda: error_rate.doubled_rates(max(10, runs // 2)),
        "service": lambda: error_rate.through_the_service(max(2, runs // 200)),
        "speed": lambda: speed.measure(5 if options.quick else 30),
    }
    for part in PARTS if options.only is None else (options.only,):
        for claim in measured[part]():
            claim.print_json()


if __name__ == "__main__":
    main()
