"""Guesses which texts of a file mean that a value is missing, such as NULL or N/A.

The contract's `nullValues` hold for all columns of a file. So a text that may also be a value, such as NA (Namibia), is
listed only where columns of numbers or times have it and no column of texts does; otherwise it is a doubt.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

# Texts that programs write for a missing value, and that are hardly ever a value.
CERTAIN = (
    "NULL",
    "null",
    "Null",
    "\\N",
    "N/A",
    "n/a",
    "#N/A",
    "NaN",
    "nan",
    "NaT",
    "(null)",
    "<null>",
    "<NA>",
    "#NULL!",
    "-",
    "--",
)
# Texts that may be values. Columns of numbers or times have to show that they are not.
POSSIBLE = (".", "?", "NA", "na", "None", "none", "NONE", "nil", "미상", "없음", "해당없음", "unknown", "Unknown")
# Country and element codes, surnames and product codes are spelled like this.
_AMBIGUOUS = frozenset({"NA", "na"})
_DASHES = frozenset({"-", "--"})


@dataclass(frozen=True)
class NullGuess:
    """The texts that mean null (`values`), and the doubtful ones with the columns that have them (`doubts`)."""

    values: tuple[str, ...] = ()
    doubts: tuple[tuple[str, tuple[str, ...]], ...] = ()


def may_be_null(text: str) -> bool:
    """Return whether a text is among those that often mean a missing value."""
    return text in _ALL


def guess_nulls(columns: Mapping[str, Collection[str]], typed: frozenset[str]) -> NullGuess:
    """Return the texts that mean null.

    Args:
        columns: the distinct possible null texts of each column.
        typed: columns whose other values are numbers, times or booleans.
    """
    values: list[str] = []
    doubts: list[tuple[str, tuple[str, ...]]] = []
    for text in (*CERTAIN, *POSSIBLE):
        where = [name for name, found in columns.items() if text in found]
        if not where:
            continue
        in_texts = tuple(name for name in where if name not in typed)
        is_typed = len(in_texts) < len(where)
        is_null = text in CERTAIN or (is_typed and not (text in _AMBIGUOUS and in_texts))
        if is_null:
            values.append(text)
        if not is_null or (text in _DASHES and not is_typed):
            doubts.append((text, tuple(where)))
    return NullGuess(tuple(values), tuple(doubts))


_ALL = frozenset((*CERTAIN, *POSSIBLE))
