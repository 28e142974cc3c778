"""Measures experiments: `python -m bench experiment`.

The customers are the households of the Complete Journey, which all count as permitting; variants are drawn by the
product's hash and judged by its verdicts. `--only PART` measures one part.
"""

from __future__ import annotations

import sys

from bench.experiment import agreement, assign, look, lost
from bench.options import make_parser

PARTS = ("look", "lost", "agreement", "assign")


def main() -> int:
    """Measure the parts and print their claims."""
    parser = make_parser(__doc__, "python -m bench.experiment")
    parser.add_argument("--only", choices=PARTS)
    options = parser.parse_args()
    parts = PARTS if options.only is None else (options.only,)
    if "look" in parts:
        look.measure(quick=options.quick)
    if "lost" in parts:
        lost.measure(quick=options.quick)
    if "agreement" in parts:
        agreement.measure()
    if "assign" in parts:
        assign.measure(quick=options.quick)
    return 0


if __name__ == "__main__":
    sys.exit(main())
