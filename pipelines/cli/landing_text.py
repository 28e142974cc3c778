"""Writes the lines about landed files that no contract loads, for the output of `bojagi run` and `bojagi status`."""

from collections.abc import Mapping, Sequence

NAMED_FILES = 20
"""How many files are named; the rest is counted."""


def describe_unmatched(files: Sequence[Mapping[str, str]]) -> list[str]:
    """Return a line for each landed file or folder that no contract loads, from its fields `name` and `reason`."""
    lines = [f"{file['name']}: not loaded; {file['reason']}" for file in files[:NAMED_FILES]]
    left = len(files) - NAMED_FILES
    return [*lines, *([f"{left:,} more files that no contract loads"] if left > 0 else [])]
