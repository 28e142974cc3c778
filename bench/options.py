"""Defines the options that every bench script takes. `python -m bench` passes them on to the scripts."""

from __future__ import annotations

import argparse


def make_parser(description: str | None, program: str | None = None) -> argparse.ArgumentParser:
    """Return a parser of `--quick` and `--runs`; a script may add its own options."""
    parser = argparse.ArgumentParser(
        prog=program, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer runs and smaller sizes, to see that it works")
    parser.add_argument("--runs", type=_positive, help="number of runs for each median")
    return parser


def runs_of(options: argparse.Namespace, usual: int, quick: int = 1) -> int:
    """Return the number of runs: that of `--runs`; without it `quick` if `--quick` is set, else `usual`."""
    wanted: int | None = options.runs
    return wanted or (quick if options.quick else usual)


def handed_on(options: argparse.Namespace) -> list[str]:
    """Return these options as command-line words, to start another script with the same options."""
    return [*(["--quick"] if options.quick else []), *(["--runs", str(options.runs)] if options.runs else [])]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"got {number} runs; expected 1 or more")
    return number
