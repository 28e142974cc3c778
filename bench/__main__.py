"""Runs the bench scripts and prints one table of medians and ratios.

python -m bench              all scripts
python -m bench engines …    the named scripts
python -m bench --quick      fewer runs and smaller sizes, to see that the scripts work
python -m bench --runs 1     full sizes, one run each: about an hour instead of two
python -m bench identity -- --historical FILE
                             the options after the two dashes are passed to the one named script
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.options import handed_on, make_parser

HERE = Path(__file__).parent
NOT_SCRIPTS = {"__init__", "__main__", "claim", "comparison", "options", "peer_environment", "process"}


def scripts() -> list[str]:
    """Return the names of all scripts: modules of this package, and its packages with a `__main__`."""
    modules = [p.stem for p in HERE.glob("*.py") if p.stem not in NOT_SCRIPTS]
    packages = [p.parent.name for p in HERE.glob("*/__main__.py")]
    return sorted(modules + packages)


def run_script(name: str, options: list[str]) -> tuple[list[dict[str, Any]], int]:
    """Run one script in a separate process; return its claims and its exit code."""
    command = [sys.executable, "-m", f"bench.{name}", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    claims = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"claim"')]
    return [{"script": name, **claim} for claim in claims], done.returncode


def table_of(claims: list[dict[str, Any]]) -> Table:
    """Return the claims as a text table for the terminal, one row per claim."""
    table = Table(title="Bojagi, measured", show_lines=False)
    for column in ("script", "claim", "median", "min–max", "runs", "peer", "peer's", "ratio", "bar", "holds"):
        table.add_column(column, justify="left" if column in {"script", "claim", "peer"} else "right")
    for c in claims:
        spread = "" if c["spread"] is None else f"{c['spread'][0]:.3g}–{c['spread'][1]:.3g}"
        bar = "" if c["bar"] is None else f"≤ {c['bar']:g}{'×' if c['on_ratio'] else ' ' + c['unit']}"
        table.add_row(
            c["script"],
            c["claim"],
            f"{c['ours']:.3g} {c['unit']}",
            spread,
            str(c["runs"]),
            c["peer"],
            "" if c["other"] is None else f"{c['other']:.3g} {c['unit']}",
            "" if c["ratio"] is None else f"{c['ratio']:.3g}×",
            bar,
            {True: "yes", False: "NO", None: ""}[c["holds"]],
        )
    return table


def split_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split the command line at the two dashes; return the arguments for this program and those for the script.

    >>> split_arguments(["identity", "--", "--historical", "FILE"])
    (['identity'], ['--historical', 'FILE'])
    """
    given = list(arguments)
    at = given.index("--") if "--" in given else len(given)
    return given[:at], given[at + 1 :]


def main() -> int:
    """Run the scripts, print their claims and write them to a file; return 1 if a script failed to measure.

    A claim that misses its bar is shown and does not change the exit code.
    """
    parser = make_parser(__doc__, "python -m bench")
    parser.add_argument("names", nargs="*", help=f"some of: {', '.join(scripts())}")
    mine, own = split_arguments(sys.argv[1:])
    arguments = parser.parse_args(mine)
    if own and len(arguments.names) != 1:
        parser.error(f"got {' '.join(own)} for a script; expected one script's name before the two dashes")
    unknown = set(arguments.names) - set(scripts())
    if unknown:
        parser.error(f"unknown script {', '.join(sorted(unknown))}; expected one of {', '.join(scripts())}")
    claims: list[dict[str, Any]] = []
    failed = []
    for name in arguments.names or scripts():
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        found, code = run_script(name, [*handed_on(arguments), *own])
        claims += found
        if code != 0 or not found:
            failed.append(name)
    Console(width=200 if not sys.stdout.isatty() else None).print(table_of(claims))
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    file = results / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    file.write_text(json.dumps({"cores": os.cpu_count(), "claims": claims}, indent=1))
    print(f"wrote bench/results/{file.name}", file=sys.stderr)
    if failed:
        print(f"these scripts failed to measure; see their errors above: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
