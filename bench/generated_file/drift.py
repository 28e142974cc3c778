"""Changes the fields of a generated file against its contract: renamed, missing, new, repeated, in another case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from bench.generated_file.cell import Cell, Column
from bench.generated_file.flaw import TrueRow


@dataclass
class Fields:
    """The fields of a file: their names and the cells of all rows by field, and what must happen with the file."""

    titles: list[str]
    columns: list[Column | None]
    table: list[list[Cell]]
    rows: list[TrueRow]
    rule: str | None
    is_json: bool = False
    is_sound: bool = True
    must_refuse: bool = False
    noted: tuple[str, ...] = ()

    def demand(self, *, refuses: bool, name: str = "") -> None:
        """Record what must happen: a refusal for sure or by the contract's rule, and the name that is told."""
        self.must_refuse = self.must_refuse or refuses or self.rule == "refuse"
        self.is_sound = self.is_sound and not self.must_refuse
        self.noted += (name,) if name else ()

    def optional(self, rng: Random, *, is_required: bool | None = None) -> int | None:
        """Return the position of a random field besides the key; None if there is none."""
        found = [
            position
            for position, column in enumerate(self.columns)
            if column is not None and column.name != "row_key" and is_required in (None, column.is_required)
        ]
        return rng.choice(found) if found else None


def change_case(fields: Fields, rng: Random) -> None:
    """Write one header in another case. The file may be loaded or refused, but not silently without the column."""
    position = fields.optional(rng)
    if position is None or fields.titles[position].swapcase() in fields.titles:
        return
    fields.titles[position] = fields.titles[position].swapcase()
    fields.is_sound = False


def rename(fields: Fields, rng: Random) -> None:
    """Give one field another name."""
    position = fields.optional(rng)
    if position is None:
        return
    column = fields.columns[position]
    assert column is not None
    new = rng.choice(["renamed", f"{column.title} new", f"my_{column.title}"])
    fields.titles[position] = new
    if fields.is_json and not column.is_required:
        # Records may lack an optional field by nature: the new field is told, and the file refused if it looks renamed.
        fields.demand(refuses=False, name=new)
        fields.is_sound = False
    else:
        # A renamed field refuses the file, unless the contract accepts any drift: then its values are null, or right.
        fields.demand(refuses=column.is_required or fields.rule != "accept", name=column.title)
    _accept_null(fields, column)


def leave_out(fields: Fields, rng: Random) -> None:
    """Leave one field out."""
    position = fields.optional(rng)
    if position is None:
        return
    column = fields.columns[position]
    assert column is not None
    _remove(fields, position)
    if fields.is_json and not column.is_required:
        fields.is_sound = False
    else:
        fields.demand(refuses=column.is_required, name=column.title)
    _accept_null(fields, column)


def add_new(fields: Fields, rng: Random) -> None:
    """Add a field that the contract does not have."""
    position = rng.randrange(len(fields.titles) + 1)
    fields.titles.insert(position, "brand_new")
    fields.columns.insert(position, None)
    for cells in fields.table:
        cells.insert(position, Cell(("x",), "x", '"x"'))
    fields.demand(refuses=False, name="brand_new")


def repeat(fields: Fields, rng: Random) -> None:
    """Write one field twice, with other values."""
    position = fields.optional(rng)
    if position is None:
        return
    fields.titles.append(fields.titles[position])
    fields.columns.append(None)
    for cells in fields.table:
        cells.append(Cell(("1",), "1", "1"))
    fields.must_refuse, fields.is_sound = True, False


CHANGES: tuple[Callable[[Fields, Random], None], ...] = (change_case, rename, leave_out, add_new, repeat)


def drift(fields: Fields, rng: Random, *, can_repeat: bool) -> str:
    """Apply one change and return its name. `can_repeat` says whether the format can hold a field twice."""
    change = rng.choice([one for one in CHANGES if can_repeat or one is not repeat])
    change(fields, rng)
    return change.__name__


def _remove(fields: Fields, position: int) -> None:
    del fields.titles[position], fields.columns[position]
    for cells in fields.table:
        del cells[position]


def _accept_null(fields: Fields, column: Column) -> None:
    """Let the column be null in all rows: the file has no value for it."""
    names: Sequence[str] = [column.name, f"{column.name}_token"]
    for position, row in enumerate(fields.rows):
        accepted = {name: (None, *values) if name in names else values for name, values in row.accepted.items()}
        is_broken = not row.accepted[column.name]
        fields.rows[position] = replace(row, accepted=accepted, is_sound=row.is_sound and not is_broken)
