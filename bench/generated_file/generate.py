"""Generates one landed file with its contract and its true rows from a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from bench.generated_file.cell import Cell, Column
from bench.generated_file.contract_text import write_contract
from bench.generated_file.file_form import FileForm, draw_csv_form, draw_json_form
from bench.generated_file.number_form import decimal_column, double_column, integer_column
from bench.generated_file.text_file import compress, csv_field, csv_line, json_object
from bench.generated_file.text_form import (
    boolean_column,
    decorated_column,
    destroyed_column,
    enum_column,
    free_text_column,
    identifier_column,
    key_column,
)
from bench.generated_file.time_form import (
    date_column,
    epoch_column,
    excel_column,
    local_time_column,
    zoned_time_column,
)

NULL = Cell((None,), None, "null")


@dataclass(frozen=True)
class TrueRow:
    """One true row.

    Attributes:
        accepted: for each column the values that a load may give, the true one first. A column without values means
            that the row must not be loaded.
        is_sound: whether the row must be loaded when its file is.
        is_whole: whether all of its bytes are in the file; False after a cut.
    """

    key: str
    accepted: Mapping[str, tuple[Any, ...]]
    is_sound: bool
    is_whole: bool = True


@dataclass(frozen=True)
class GeneratedFile:
    """A landed file, its contract and its true rows.

    Attributes:
        name: file name.
        is_sound: whether the file must be loaded; otherwise it may also be refused.
        must_refuse: whether the file must be refused.
        noted: names of fields that a note about the loaded file must contain.
        traits: what was drawn, for messages.
    """

    seed: int
    name: str
    content: bytes
    contract: str
    columns: tuple[Column, ...]
    form: FileForm
    rows: tuple[TrueRow, ...]
    is_sound: bool = True
    must_refuse: bool = False
    noted: tuple[str, ...] = ()
    traits: tuple[str, ...] = field(default=())

    def describe(self) -> str:
        """Return the drawn properties on one line."""
        forms = ", ".join(f"{column.name}={column.kind}:{column.form}" for column in self.columns)
        form = self.form
        return (
            f"seed {self.seed}: {self.name}, {form.encoding} ({form.codec}), delimiter {form.delimiter!r}, "
            f"line end {form.line_end!r}, zones {form.zones}, {', '.join(self.traits) or 'no flaw'}; {forms}"
        )


def generate(seed: int, *, is_plain: bool = False) -> GeneratedFile:
    """Return the file of a seed. `is_plain` leaves out flaws, carelessness and unusual forms."""
    rng = Random(seed)
    form = draw_csv_form(rng, is_plain=is_plain)
    if not is_plain:
        kind = rng.choices(["csv", "jsonl", "json"], [70, 20, 10])[0]
        form = form if kind == "csv" else draw_json_form(rng, kind)
    keys = [f"K{number:05d}" for number in range(1, rng.randint(5, 40) + 1)]
    columns = draw_columns(rng, form, keys, is_plain=is_plain)
    return write_text_file(seed, rng, form, columns, keys)


def draw_columns(rng: Random, form: FileForm, keys: list[str], *, is_plain: bool) -> tuple[Column, ...]:
    """Return the key column and two to seven others in any order."""
    is_stated = is_plain or rng.random() > 0.1
    zones, encoding = form.zones, form.codec
    makers: list[Callable[[str], Column]] = [
        lambda name: identifier_column(rng, name),
        lambda name: integer_column(rng, name, encoding, is_stated=is_stated, is_plain=is_plain),
        lambda name: decimal_column(rng, name, encoding, is_stated=is_stated, is_plain=is_plain),
        lambda name: local_time_column(rng, name, zones, is_plain=is_plain),
        lambda name: date_column(rng, name, encoding, is_plain=is_plain),
        lambda name: boolean_column(rng, name),
        lambda name: enum_column(rng, name, form.encoding),
        lambda name: free_text_column(rng, name, form.encoding, is_multiline=form.line_end != "\r"),
        lambda name: double_column(rng, name),
    ]
    if not is_plain:
        makers += [
            lambda name: zoned_time_column(rng, name, zones),
            lambda name: epoch_column(rng, name, zones, is_stated=is_stated),
            lambda name: excel_column(rng, name, zones, is_date=rng.random() < 0.3, is_stated=is_stated),
            lambda name: destroyed_column(rng, name),
        ]
        if form.encoding.startswith("UTF"):
            makers.append(lambda name: decorated_column(rng, name))
    columns = [key_column(keys)]
    for number in range(rng.randint(2, 7)):
        column = rng.choice(makers)(f"c{number}")
        headers = {"": column.name, "title": f"Column {number}", "upper": f"COL_{number}"}
        header = headers[rng.choice(["", "", "title", "upper"])]
        columns.append(replace(column, header=header, is_required=rng.random() < 0.3))
    rng.shuffle(columns)
    return tuple(columns)


def draw_cells(rng: Random, columns: Sequence[Column]) -> list[Cell]:
    """Return the cells of one row; optional cells are sometimes null."""
    return [NULL if not column.is_required and rng.random() < 0.12 else column.draw(rng) for column in columns]


def true_row(key: str, columns: Sequence[Column], cells: Sequence[Cell]) -> TrueRow:
    """Return the true row of its cells."""
    accepted = {column.name: cell.accepted for column, cell in zip(columns, cells, strict=True)}
    for column, cell in zip(columns, cells, strict=True):
        if column.custom.get("token"):
            accepted[f"{column.name}_token"] = (cell.token,)
    return TrueRow(key, accepted, all(cell.is_sound for cell in cells))


def write_text_file(
    seed: int, rng: Random, form: FileForm, columns: tuple[Column, ...], keys: Sequence[str]
) -> GeneratedFile:
    """Draw the rows and write them in the form."""
    table = [draw_cells(rng, columns) for _ in keys]
    rows = tuple(true_row(key, columns, cells) for key, cells in zip(keys, table, strict=True))
    order = list(range(len(columns)))
    rng.shuffle(order)
    titles = [columns[position].title for position in order]
    size = -(-len(table) // form.members)
    contents = []
    for start in range(0, len(table), size):
        part = [[cells[position] for position in order] for cells in table[start : start + size]]
        contents.append(_encode(_text(part, titles, form, rng), form))
    return GeneratedFile(
        seed, f"a{form.suffix}", compress(contents, form), write_contract(columns, form), columns, form, rows
    )


def _text(table: Sequence[Sequence[Cell]], titles: Sequence[str], form: FileForm, rng: Random) -> str:
    if form.format == "csv":
        header = form.delimiter.join(csv_field(title, form, rng) for title in titles)
        lines = [*form.titles, header, *(csv_line(cells, form, rng) for cells in table), *form.footers]
        return "".join(line + form.line_end for line in lines)
    objects = [json_object(titles, cells, rng) for cells in table]
    if form.format == "jsonl":
        return "".join(text + form.line_end for text in objects)
    return "[" + ("," + form.line_end).join(objects) + "]" + form.line_end


def _encode(text: str, form: FileForm) -> bytes:
    return text.encode(form.codec)
