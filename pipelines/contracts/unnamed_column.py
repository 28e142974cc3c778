"""Lists what the values of a column leave open if its header says nothing, such as `c1` or `column_3`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pipelines.contracts.reading import Reading
from pipelines.contracts.time_guess import likely_unit
from privacy.recognition.column_name import tells_nothing

# Whole numbers of at least so many digits that hardly ever repeat may be identifiers.
_CODE_DIGITS, _CODE_SHARE = 4, 0.9


def list_open_questions(name: str, reading: Reading, texts: Sequence[str], today: datetime) -> tuple[str, ...]:
    """Return the doubts about a column of numbers; none if its name tells what they are.

    Args:
        name: the column's name.
        reading: how the values are read.
        texts: the values without nulls.
        today: the day up to which numbers may be times.

    >>> list_open_questions("amount", Reading("integer", "bigint"), ["10423", "99812"], datetime(2026, 1, 1))
    ()
    """
    if not tells_nothing(name):
        return ()
    if unit := reading.custom.get("timeUnit"):
        return (f"the header says nothing, and the numbers are read as times ({unit}); a human decides",)
    if reading.logical_type != "integer" or reading.custom:
        return ()
    if unit := likely_unit(texts, today):
        return (f"the numbers may be times ({unit}); the header says nothing, so they are loaded as integers",)
    is_long = max(map(len, texts), default=0) >= _CODE_DIGITS and not any(text.startswith("-") for text in texts)
    if is_long and len(set(texts)) >= _CODE_SHARE * len(texts):
        return ("the numbers may be identifiers; if they are, write logicalType: string, which keeps leading zeros",)
    return ()
