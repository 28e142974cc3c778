"""Generalisation hierarchies: a tree over the values of a column, given level by level."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path

from privacy.anonymity.errors import HierarchyError

TOP = "*"
METROPOLES = ("서울", "부산", "대구", "인천", "광주", "대전", "울산", "세종")
DO = (
    "경기",
    "강원",
    "충북",
    "충청북",
    "충남",
    "충청남",
    "전북",
    "전라북",
    "전남",
    "전라남",
    "경북",
    "경상북",
    "경남",
    "경상남",
    "제주",
)
PROVINCES = (*METROPOLES, *DO)
"""First syllables of the provinces' names, full and short."""
MISSING = "(missing)"
"""The value of a null. Its only generalisation is the top."""
MISSING_TEXT = '"(missing)"'
"""The value of a cell that holds the text of `MISSING`, so that it is no null."""


@dataclass(frozen=True)
class Hierarchy:
    """A tree of labels. `rows[i]` is the path of one value from itself to the top; values are in tree order.

    All paths have the same length and end in the same label. Equal labels on a level have equal labels above.
    """

    rows: tuple[tuple[str, ...], ...]

    @property
    def leaves(self) -> tuple[str, ...]:
        """The values, in tree order."""
        return tuple(row[0] for row in self.rows)

    @property
    def height(self) -> int:
        """Number of levels, the values included."""
        return len(self.rows[0])

    def restrict(self, present: Iterable[str], column: str) -> Hierarchy:
        """Returns the hierarchy of the values in `present` only. A null among them generalises straight to the top.

        Raises:
            HierarchyError: values are missing from the hierarchy; the message gives their number, not the values.
        """
        wanted = set(present)
        unknown = wanted - set(self.leaves) - {MISSING}
        if unknown:
            raise HierarchyError(
                f"{len(unknown)} of {len(wanted)} values of column {column!r} are not in its hierarchy; add them "
                "as leaves, or clean the column first",
                column=column,
            )
        kept = [row for row in self.rows if row[0] in wanted]
        if MISSING in wanted and MISSING not in self.leaves:
            height = self.height if kept else 2
            top = kept[0][-1] if kept else TOP
            kept.append((*[MISSING] * (height - 1), top))
        return Hierarchy(tuple(kept))


def from_rows(rows: Iterable[Sequence[str]], column: str = "") -> Hierarchy:
    """Checks rows of (value, parent, grandparent, …, top) and returns them as a hierarchy in tree order.

    A common top `*` is added when the last level has several labels. A branch that is shorter than others repeats its
    label below the top.

    Raises:
        HierarchyError: no rows, a value twice, or a label with two parents.
    """
    paths = [tuple(str(cell) for cell in row) for row in rows if len(row)]
    if not paths:
        raise HierarchyError(f"the hierarchy of column {column!r} is empty; give at least one value", column=column)
    if len({path[0] for path in paths}) < len(paths):
        raise HierarchyError(f"a value appears twice in the hierarchy of column {column!r}; keep one", column=column)
    tops = {path[-1] for path in paths if len(path) > 1}
    if len(tops) == 1:
        paths = [path if len(path) > 1 else (*path, *tops) for path in paths]
    else:
        paths = [(*path, TOP) for path in paths]
    width = max(len(path) for path in paths)
    paths = [(*path[:-1], *[path[-2]] * (width - len(path)), path[-1]) for path in paths]
    _check_tree(paths, column)
    order: dict[tuple[str, ...], int] = {}
    for place, path in enumerate(paths):
        for level in range(len(path)):
            order.setdefault(path[level:], place)
    paths.sort(key=lambda path: tuple(order[path[level:]] for level in range(len(path) - 1, -1, -1)))
    return Hierarchy(tuple(paths))


def _check_tree(paths: list[tuple[str, ...]], column: str) -> None:
    for level in range(len(paths[0]) - 1):
        parent: dict[str, str] = {}
        for path in paths:
            if parent.setdefault(path[level], path[level + 1]) != path[level + 1]:
                raise HierarchyError(
                    f"the hierarchy of column {column!r} is not a tree: a label on level {level} has two parents on "
                    f"level {level + 1}; give it one",
                    column=column,
                )
    above: dict[str, int] = {}
    for path in paths:
        for level, label in enumerate(path):
            first = above.setdefault(label, level)
            if first != level and label not in path[first:level]:
                raise HierarchyError(
                    f"the hierarchy of column {column!r} is cyclic: a label stands on levels {first} and {level} of "
                    "different paths; rename one",
                    column=column,
                )


DELIMITERS = (";", ",", "\t", "|")


def read_hierarchy(path: Path, column: str = "", delimiter: str | None = None) -> Hierarchy:
    """Reads a hierarchy in ARX's format: one value in each line, `value;parent;…;*`.

    A header is recognised: a first line whose first cell is the column's name, or whose last cell is not the top that
    all other lines share. Empty cells at the end of a line are left out.

    Args:
        path: the CSV file in UTF-8.
        column: name of the column, for messages and to recognise a header.
        delimiter: None takes the one by which most lines have several cells and end alike; of several, the one that
            splits the lines into most cells.

    Raises:
        HierarchyError: the file is missing or is not UTF-8 text, or any error of `from_rows`.
    """
    if not path.is_file():
        raise HierarchyError(
            f"the hierarchy of column {column!r} is not at {path}; paths are relative to the specification",
            column=column,
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = split_rows(text, column, delimiter)
    except (UnicodeDecodeError, csv.Error) as error:
        raise HierarchyError(
            f"the hierarchy of column {column!r}, {path.name}, is not a CSV in UTF-8; convert it", column=column
        ) from error
    return from_rows(rows, column)


def split_rows(text: str, column: str, delimiter: str | None) -> list[list[str]]:
    """Returns the cells of a hierarchy file without its header, see `read_hierarchy`."""
    lines = [line for line in text.splitlines() if line.strip()]
    rows = _cells(lines, delimiter or max(DELIMITERS, key=lambda one: _regularity(lines, one)))
    tops = {row[-1] for row in rows[1:]}
    is_named = bool(rows) and rows[0][0].casefold() == column.casefold()
    # Of two or three lines, the first may have a top of its own.
    return rows[1:] if is_named or (len(rows) > 3 and len(tops) == 1 and rows[0][-1] not in tops) else rows


def _cells(lines: list[str], delimiter: str) -> list[list[str]]:
    """Returns the cells of each line, without the empty ones at its end."""
    rows = []
    for row in csv.reader(lines, delimiter=delimiter, strict=True):
        cells = [cell.strip() for cell in row]
        while len(cells) > 1 and not cells[-1]:
            cells.pop()
        rows.append(cells)
    return rows


def _regularity(lines: list[str], delimiter: str) -> tuple[int, int, int]:
    """Returns how much lines look like those of a hierarchy: lines with several cells, lines that end alike, cells."""
    try:
        rows = _cells(lines, delimiter)
    except csv.Error:
        return 0, 0, 0
    several = [row for row in rows if len(row) > 1]
    ends = Counter(row[-1] for row in several)
    return len(several), max(ends.values(), default=0), sum(map(len, rows))


def intervals(values: Iterable[str], widths: Sequence[float], column: str = "") -> Hierarchy:
    """Returns half-open intervals of growing width over numbers, e.g. widths (5, 10, 20) over ages.

    Each width must divide the next, so that intervals nest.

    Raises:
        HierarchyError: widths do not nest, or values are not finite numbers.
    """
    if any(Decimal(str(wide)) % Decimal(str(narrow)) for narrow, wide in itertools.pairwise(widths)):
        raise HierarchyError(f"widths {list(widths)} of column {column!r} do not nest; use multiples", column=column)
    rows = []
    values = set(values)
    _refuse_others(values, _is_finite, "finite numbers", "intervals", column)
    # Decimal, because binary fractions and rounded labels would give two intervals one label, or one interval two.
    steps = [Decimal(str(width)) for width in widths]
    for value in sorted(values, key=float):
        starts = [((Decimal(value) / step).to_integral_value(ROUND_FLOOR) * step, step) for step in steps]
        rows.append((value, *(f"[{_plain(start)}, {_plain(start + step)})" for start, step in starts), TOP))
    return from_rows(rows, column)


def _plain(number: Decimal) -> str:
    """Returns a number without exponent and without zeros at the end of its decimal places."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def dates(values: Iterable[str], column: str = "") -> Hierarchy:
    """Returns the levels day, month, quarter and year over ISO dates.

    Raises:
        HierarchyError: values are not dates.
    """
    rows = []
    values = set(values)
    _refuse_others(values, _is_date, "dates like 2017-05-09", "dates", column)
    for value in sorted(values):
        day = dt.date.fromisoformat(value[:10])
        rows.append((value, f"{day:%Y-%m}", f"{day.year}-Q{(day.month + 2) // 3}", f"{day.year}", TOP))
    return from_rows(rows, column)


def _refuse_others(values: set[str], is_one: Callable[[str], bool], wanted: str, kind: str, column: str) -> None:
    """Raises HierarchyError when values do not fit the kind of hierarchy. They are counted, not named."""
    others = sum(not is_one(value) for value in values)
    if others:
        raise HierarchyError(
            f"{others} of {len(values)} values of column {column!r} are not {wanted}, as hierarchy kind `{kind}` "
            "needs; clean the column, or choose another kind",
            column=column,
        )


def _is_finite(value: str) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def _is_date(value: str) -> bool:
    try:
        dt.date.fromisoformat(value[:10])
    except ValueError:
        return False
    return True


def _is_in_korea(value: str) -> bool:
    """Returns whether a place begins with one of the 17 provinces, by its full or short name."""
    first = value.split()[:1]
    return bool(first) and first[0].startswith(PROVINCES)


def regions(values: Iterable[str], column: str = "") -> Hierarchy:
    """Returns the levels of Korean administrative regions, e.g. of `경기도 수원시 영통구 매탄동`.

    Levels: dong, gu, city (si/gun), province (do, or metropolitan city). A missing part repeats the one above: Seoul
    has no city between province and gu.

    Raises:
        HierarchyError: values do not begin with a province.
    """
    rows = []
    values = set(values)
    _refuse_others(
        values, _is_in_korea, "regions that begin with a province, like `서울특별시 강남구`", "regions", column
    )
    for value in sorted(values):
        parts = value.split()
        province = parts[0]
        city = next((part for part in parts[1:] if part.endswith(("시", "군"))), None)
        gu = next((part for part in parts[1:] if part.endswith("구")), None)
        city_path = f"{province} {city}" if city else f"{province} 일원"
        gu_path = (
            f"{province} {city or ''} {gu}".replace("  ", " ") if gu else f"{city_path.removesuffix(' 일원')} 일원"
        )
        rows.append((value, gu_path, city_path, province, TOP))
    return from_rows(rows, column)


def automatic(counts: Mapping[str, int], fan_out: int = 4, is_ordered: bool = False, column: str = "") -> Hierarchy:
    """Returns a hierarchy made from the data: consecutive values in groups of about equal weight, `fan_out` to a level.

    Ordered columns keep their order. Others are sorted by falling frequency, so that rare values share a group. Labels
    are `{first … last}`. The hierarchy reveals values but no counts. It depends on the data, so use a fixed hierarchy
    for repeated releases.
    """
    values = sorted(counts, key=sort_key) if is_ordered else sorted(counts, key=lambda value: (-counts[value], value))
    paths: list[list[str]] = [[value] for value in values]
    groups = [[index] for index in range(len(values))]
    while len(groups) > fan_out:
        groups = [
            [index for group in groups[at : at + fan_out] for index in group] for at in range(0, len(groups), fan_out)
        ]
        for group in groups:
            label = f"{{{values[group[0]]} … {values[group[-1]]}}}"
            for index in group:
                paths[index].append(label if len(group) > 1 else f"{{{values[group[0]]}}}")
    return from_rows([(*path, TOP) for path in paths], column)


def sort_key(value: str) -> tuple[int, float, str]:
    """Returns a key that sorts numbers by size, then everything else by text."""
    try:
        return 0, float(value), value
    except ValueError:
        return 1, 0.0, value
