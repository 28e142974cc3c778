"""Generates one landed file with its contract and its true rows from a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

import pyarrow as pa

from bench.generated_file import parquet_column, parquet_file, sheet_file
from bench.generated_file.cell import Cell, Column
from bench.generated_file.contract_text import write_contract
from bench.generated_file.drift import Fields, drift
from bench.generated_file.file_form import DRIFTS, FileForm, draw_csv_form, draw_json_form, draw_zones
from bench.generated_file.flaw import MARK, Draft, Piece, TrueRow, spoil_lines
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
    nested_column,
)
from bench.generated_file.time_form import (
    date_column,
    epoch_column,
    excel_column,
    local_time_column,
    zoned_time_column,
)

FORMATS = ("csv", "jsonl", "json", "parquet", "xlsx")
WEIGHTS = (55, 15, 6, 20, 4)
NULL = Cell((None,), None, "null")


@dataclass(frozen=True)
class GeneratedFile:
    """A landed file, its contract and its true rows.

    Attributes:
        name: file name.
        is_sound: whether the file must be loaded; otherwise it may also be refused.
        must_refuse: whether the file must be refused.
        noted: names of fields that a note about the loaded file must contain.
        traits: names of the flaws.
        is_cut: whether the end of the file may be missing, so that its last line may wait.
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
    traits: tuple[str, ...] = ()
    is_cut: bool = False

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
    keys = [f"K{number:05d}" for number in range(1, rng.randint(5, 40) + 1)]
    kind = "csv" if is_plain else rng.choices(FORMATS, WEIGHTS)[0]
    if kind in ("parquet", "xlsx"):
        return write_binary_file(seed, rng, kind, keys)
    form = draw_csv_form(rng, is_plain=is_plain) if kind == "csv" else draw_json_form(rng, kind)
    columns = draw_columns(rng, form, keys, is_plain=is_plain)
    return write_text_file(seed, rng, form, columns, keys, is_plain=is_plain)


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
        if form.format != "csv":
            makers.append(lambda name: nested_column(rng, name))
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


def _is_stated(columns: Sequence[Column]) -> bool:
    return all(column.is_stated for column in columns)


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
    seed: int, rng: Random, form: FileForm, columns: tuple[Column, ...], keys: Sequence[str], *, is_plain: bool = False
) -> GeneratedFile:
    """Draw the rows and write them in the form, with flaws."""
    table = [draw_cells(rng, columns) for _ in keys]
    rows = [true_row(key, columns, cells) for key, cells in zip(keys, table, strict=True)]
    order = list(range(len(columns)))
    rng.shuffle(order)
    titles = [columns[position].title for position in order]
    shuffled = [[cells[position] for position in order] for cells in table]
    fields = Fields(titles, [columns[position] for position in order], shuffled, rows, form.drift, form.format != "csv")
    traits: tuple[str, ...] = ()
    if not is_plain and rng.random() < 0.2:
        traits = (drift(fields, rng, can_repeat=not fields.is_json),)
    draft = Draft(_pieces(fields, form, rng), rows, fields.titles, fields.is_sound, fields.must_refuse, fields.noted)
    if not is_plain and rng.random() < 0.35:
        spoil_lines(draft, form, columns, rng)
    contents = [_encode(pieces, draft, form) for pieces in draft.members]
    if not form.codec.startswith("utf") and any(map(_reads_as_utf_8, contents)):
        draft.is_sound = False
    content = compress(contents, form)
    if not is_plain and rng.random() < 0.12:
        content = cut(content, contents[0], draft, form, rng)
    return GeneratedFile(
        seed, f"a{form.suffix}", content, write_contract(columns, form), columns, form, tuple(draft.rows),
        draft.is_sound and _is_stated(columns), draft.must_refuse, draft.noted, traits + draft.traits, draft.is_cut,
    )  # fmt: skip


def _reads_as_utf_8(content: bytes) -> bool:
    """Return whether a few letters of another encoding are by chance valid UTF-8, so that the file may be refused."""
    try:
        return not content.decode("utf-8").isascii()
    except UnicodeDecodeError:
        return False


def _pieces(fields: Fields, form: FileForm, rng: Random) -> list[list[Piece]]:
    """Return the pieces of each member; every member of CSV has its own header."""
    size = -(-len(fields.table) // form.members)
    members = []
    for start in range(0, len(fields.table), size):
        numbered = list(enumerate(fields.table))[start : start + size]
        if form.format == "csv":
            header = form.delimiter.join(csv_field(title, form, rng) for title in fields.titles)
            head = [Piece(title) for title in (*form.titles, header)]
            body = [Piece(csv_line(cells, form, rng), row) for row, cells in numbered]
            members.append([*head, *body, *(Piece(footer) for footer in form.footers)])
        else:
            members.append([Piece(json_object(fields.titles, cells, rng), row) for row, cells in numbered])
    return members


def _text(pieces: Sequence[Piece], form: FileForm) -> list[str]:
    """Return the text of each piece with its line end."""
    if form.format != "json":
        return [piece.text + form.line_end for piece in pieces]
    texts = [(piece.text and piece.text + ",") + form.line_end for piece in pieces]
    texts[0] = "[" + texts[0]
    last = max(position for position, piece in enumerate(pieces) if piece.text)
    texts[last] = texts[last].removesuffix("," + form.line_end) + form.line_end
    texts[-1] += "]" + form.line_end
    return texts


def _encode(pieces: Sequence[Piece], draft: Draft, form: FileForm) -> bytes:
    text = "".join(_text(pieces, form))
    content = text.replace(MARK, "").encode(form.codec)
    if MARK in text and draft.bad_bytes:
        before, after = text.split(MARK, 1)
        rest = after.replace(MARK, "").encode(form.codec.removesuffix("-sig"))
        content = before.encode(form.codec) + draft.bad_bytes + rest
    return content


def cut(content: bytes, first: bytes, draft: Draft, form: FileForm, rng: Random) -> bytes:
    """Return the bytes of a file that is cut at a random place, or whose last line has no end."""
    draft.is_sound = False
    draft.is_cut = True
    if form.compression or form.format == "json":
        draft.traits += ("cut",)
        draft.rows[:] = [replace(row, is_sound=False, is_whole=False) for row in draft.rows]
        return content[
            : rng.randrange(len(content) - 4, len(content)) if rng.random() < 0.2 else rng.randrange(len(content))
        ]
    end = len(form.line_end.encode(_plain_codec(form)))
    pieces = draft.members[0]
    if rng.random() < 0.3:
        draft.traits += ("no_last_line_end",)
        if (last := pieces[-1].row) is not None:
            draft.rows[last] = replace(draft.rows[last], is_sound=False, is_whole=False)
        return content[:-end]
    draft.traits += ("cut",)
    sizes = [len(_encode_plain(text, form, draft)) for text in _text(pieces, form)]
    start = len(first) - sum(sizes)
    ends = [start + sum(sizes[: position + 1]) for position in range(len(sizes))]
    place = rng.randrange(len(content))
    for piece, stop in zip(pieces, ends, strict=True):
        if piece.row is not None and stop >= place:
            row = draft.rows[piece.row]
            draft.rows[piece.row] = replace(row, is_sound=False, is_whole=False)
    return content[:place]


def _encode_plain(text: str, form: FileForm, draft: Draft) -> bytes:
    codec = _plain_codec(form)
    return text.replace(MARK, "").encode(codec) + (draft.bad_bytes if MARK in text else b"")


def write_binary_file(seed: int, rng: Random, kind: str, keys: list[str]) -> GeneratedFile:
    """Draw the columns and rows of a Parquet file or a workbook and write them."""
    is_stated = rng.random() > 0.1
    form = FileForm(kind, zones=draw_zones(rng), drift=rng.choice(DRIFTS))
    if kind == "xlsx" and rng.random() < 0.3:
        form = replace(form, titles=("Sales export", "2017-06-30"), footers=rng.choice([(), ("Total",)]))
    makers = sheet_file.makers(form.zones) if kind == "xlsx" else parquet_column.makers(form.zones, is_stated=is_stated)
    columns = [key_column(keys)]
    for number in range(rng.randint(2, 7)):
        column = rng.choice(makers)(rng, f"c{number}")
        header = rng.choice(["", "", f"Column {number}"])
        columns.append(replace(column, header=header, is_required=rng.random() < 0.3))
    rng.shuffle(columns)
    table = [draw_cells(rng, columns) for _ in keys]
    rows = [true_row(key, columns, cells) for key, cells in zip(keys, table, strict=True)]
    fields = Fields([column.title for column in columns], list(columns), table, rows, form.drift)
    traits: tuple[str, ...] = ()
    if rng.random() < 0.2:
        traits = (drift(fields, rng, can_repeat=kind != "parquet"),)
    types = [pa.string() if column is None else column.arrow_type for column in fields.columns]
    if kind == "parquet":
        content = parquet_file.write_parquet(fields.titles, types, fields.table, rng)
    else:
        content = sheet_file.write_workbook(fields.titles, fields.table, form, rng)
    is_cut = rng.random() < 0.05
    if is_cut:
        content = content[: rng.randrange(len(content))]
        rows[:] = [replace(row, is_sound=False, is_whole=False) for row in rows]
    return GeneratedFile(
        seed, f"a{form.suffix}", content, write_contract(columns, form), tuple(columns), form, tuple(rows),
        fields.is_sound and not is_cut and _is_stated(columns), fields.must_refuse, fields.noted,
        (*traits, *(("cut",) if is_cut else ())),
        is_cut,
    )  # fmt: skip


def _plain_codec(form: FileForm) -> str:
    """Return the codec that writes a part of the file, without a byte order mark."""
    return "utf-16-le" if form.codec == "utf-16" else form.codec.removesuffix("-sig")
