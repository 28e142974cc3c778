"""Measures identity resolution, compared with plain Splink: `python -m bench identity`.

`--quick` uses fewer data sets, runs and records. `--historical FILE` adds Splink's data set of historical persons, and
`--data FOLDER` uses the simulated people in that folder. Pass both after `--`: `python -m bench identity -- --data …`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.identity import accuracy, batch, families, register, scale
from bench.options import make_parser, runs_of

RUNS = 3


def main() -> int:
    """Measure accuracy, families, batches and scale, and print the claims."""
    parser = make_parser(__doc__, "python -m bench.identity")
    parser.add_argument("--historical", type=Path, help="file of historical_50k")
    parser.add_argument("--data", type=Path, help="folder with landing/ and truth/ of a simulation")
    arguments = parser.parse_args()
    for data in accuracy.labelled_files(arguments.historical, arguments.data, quick=arguments.quick):
        accuracy.measure(data, runs_of(arguments, RUNS))
    families.measure(60 if arguments.quick else 500)
    batch.measure(100_000 if arguments.quick else 200_000, runs_of(arguments, RUNS))
    register.measure(50_000 if arguments.quick else 100_000, runs_of(arguments, RUNS))
    scale.measure(*((20_000, 100_000) if arguments.quick else (100_000, 1_000_000)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
