"""Names the comparisons of an explanation by the columns of the file, and adds the values that were compared."""

from __future__ import annotations

from collections.abc import Mapping as Values
from collections.abc import Sequence
from dataclasses import replace

from pipelines.matching.explanation import Explanation, Step
from pipelines.matching.mapping import PARTS, Mapping

Shown = Values[str, str | None]
"""The values of a record by column. Columns that must not be shown are left out."""
# Comparisons of one half of a name may read columns of the whole name.
_NAME_PARTS = {
    "given_name": ("given_name", "name", "latin_name"),
    "surname": ("surname", "name", "latin_name"),
}


def name_by_columns(
    explanation: Explanation, mapping: Mapping, values: tuple[Shown, Shown] | None = None
) -> Explanation:
    """Return the explanation with the columns of each comparison; a numbered comparison gets the name of its column.

    Args:
        explanation: the explanation of a pair.
        mapping: the columns of each part, as they are to be shown.
        values: the values of both records; None shows none.
    """
    compared = [step.comparison for step in explanation.steps]
    return replace(explanation, steps=tuple(_named(step, mapping, compared, values) for step in explanation.steps))


def _named(step: Step, mapping: Mapping, compared: Sequence[str], values: tuple[Shown, Shown] | None) -> Step:
    columns = _columns(step.comparison, mapping, compared)
    if not columns:
        return step
    number = step.comparison.rpartition("_")[2]
    name = columns[0] if number.isdigit() else step.comparison
    # The levels of a numbered comparison may contain its name, for example "attribute_0 equal".
    level = step.level.replace(step.comparison, name) if number.isdigit() else step.level
    is_shown = values is not None and any(column in shown for shown in values for column in columns)
    pair = (_joined(values[0], columns), _joined(values[1], columns)) if values is not None and is_shown else None
    return replace(step, comparison=name, level=level, columns=columns, values=pair)


def _columns(comparison: str, mapping: Mapping, compared: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that a comparison reads; none if it is no comparison of a part."""
    kind, _, number = comparison.rpartition("_")
    if number.isdigit():
        return tuple(getattr(mapping, kind, ())[int(number) : int(number) + 1])
    if comparison in _NAME_PARTS:
        parts = [part for part in _NAME_PARTS[comparison] if getattr(mapping, part)]
        return tuple(getattr(mapping, parts[0])) if parts else ()
    if comparison not in PARTS:
        return ()
    found: tuple[str, ...] = tuple(getattr(mapping, comparison))
    # A house number in a column of its own is compared as part of the address, if it is not compared by itself.
    if comparison == "address" and "house_number" not in compared:
        found = (*found, *mapping.house_number)
    return found


def _joined(values: Shown, columns: Sequence[str]) -> str | None:
    found = [text for column in columns if (text := values.get(column))]
    return " ".join(found) or None
