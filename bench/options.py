"""The options that every bench script takes, so that `python -m bench` can hand them on."""

from __future__ import annotations

import argparse


def make_parser(description: str | None, program: str | None = None) -> argparse.ArgumentParser:
    """Return a parser of `--quick` and `--runs`, to which a script may add what is its own."""
    parser = argparse.ArgumentParser(
        prog=program, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer runs and smaller sizes, to see that it works")
    parser.add_argument("--runs", type=_positive, help="runs that each median is over")
    return parser


def runs_of(options: argparse.Namespace, usual: int, quick: int = 1) -> int:
    """How many runs to take: as asked for, else the usual number, or the quick one."""
    asked: int | None = options.runs
    return asked or (quick if options.quick else usual)


def handed_on(options: argparse.Namespace) -> list[str]:
    """Return the words that give another script the same options."""
    return [*(["--quick"] if options.quick else []), *(["--runs", str(options.runs)] if options.runs else [])]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} runs make no median; give 1 or more")
    return number
