"""Breaks generated text files as real exports are broken: in their lines, in their fields, at their end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from bench.generated_file.cell import Column
from bench.generated_file.file_form import FileForm


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

    @property
    def refused(self) -> TrueRow:
        """The same row, which must not be loaded."""
        return replace(self, accepted={**self.accepted, "row_key": ()}, is_sound=False)


@dataclass(frozen=True)
class Piece:
    """A part of a text file: a header, a title, or a row (`row` is its position)."""

    text: str
    row: int | None = None


@dataclass
class Draft:
    """A file under construction: pieces of each member, true rows, and what must happen with the file.

    `noted` are names of fields that a note or refusal must contain, `traits` names of the flaws.
    """

    members: list[list[Piece]]
    rows: list[TrueRow]
    titles: list[str]
    is_sound: bool = True
    must_refuse: bool = False
    noted: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    bad_bytes: bytes = b""
    is_cut: bool = False

    def row_pieces(self, member: int = 0) -> list[int]:
        """Return the positions of the rows among the pieces of a member."""
        return [position for position, piece in enumerate(self.members[member]) if piece.row is not None]


# Stands for bytes that are invalid in the file's encoding, until the text is encoded.
MARK = "\ue000"
Flaw = Callable[[Draft, FileForm, Sequence[Column], Random], None]


def repeat_header(draft: Draft, form: FileForm, columns: Sequence[Column], rng: Random) -> None:
    """Insert the header again among the rows, as two exports that were pasted together."""
    pieces = draft.members[0]
    header = pieces[draft.row_pieces()[0] - 1]
    pieces.insert(rng.choice(draft.row_pieces()) + 1, header)


def add_field(draft: Draft, form: FileForm, columns: Sequence[Column], rng: Random) -> None:
    """Append a field to one row."""
    _spoil(draft, rng, lambda text: text + form.delimiter + "x")


def drop_field(draft: Draft, form: FileForm, columns: Sequence[Column], rng: Random) -> None:
    """Leave out the first field of one row, so that all of its values move to the left."""
    position = rng.choice(draft.row_pieces())
    piece = draft.members[0][position]
    assert piece.row is not None
    if form.quote in piece.text:
        return
    draft.members[0][position] = replace(piece, text=piece.text.split(form.delimiter, 1)[1])
    draft.rows[piece.row] = replace(draft.rows[piece.row].refused, is_whole=False)


def open_quote(draft: Draft, form: FileForm, columns: Sequence[Column], rng: Random) -> None:
    """Open a quote in a row and never close it; it may swallow the rows below."""
    position = rng.choice(draft.row_pieces())
    for later in range(position, len(draft.members[0])):
        if (row := draft.members[0][later].row) is not None:
            draft.rows[row] = replace(draft.rows[row], is_sound=False)
    piece = draft.members[0][position]
    assert piece.row is not None
    draft.members[0][position] = replace(piece, text=form.quote + piece.text)
    draft.rows[piece.row] = draft.rows[piece.row].refused
    draft.is_sound = False


def escape_quote(draft: Draft, form: FileForm, columns: Sequence[Column], rng: Random) -> None:
    """Escape a quote with a backslash, which is no CSV."""
    _spoil(draft, rng, lambda text: text + form.delimiter + f"{form.quote}back\\{form.quote}slash{form.quote}")


def add_blank_lines(draft: Draft, form: FileForm, columns: Sequence[Column], rng: Random) -> None:
    """Insert empty lines among the rows."""
    for _ in range(rng.randint(1, 3)):
        draft.members[0].insert(rng.choice(draft.row_pieces()) + 1, Piece(""))


def add_total(draft: Draft, form: FileForm, columns: Sequence[Column], rng: Random) -> None:
    """Append a line of totals that the contract does not state."""
    fields = ["Total", *[""] * (len(draft.titles) - 2), "1500"][: len(draft.titles)]
    draft.members[-1].append(Piece(form.delimiter.join(fields)))


def add_empty_fields(draft: Draft, form: FileForm, columns: Sequence[Column], rng: Random) -> None:
    """Append lines of delimiters only, as a spreadsheet writes below its rows."""
    draft.members[-1] += [Piece(form.delimiter * (len(draft.titles) - 1))] * 2


def add_title(draft: Draft, form: FileForm, columns: Sequence[Column], rng: Random) -> None:
    """Write a title line above the header that the contract does not state."""
    draft.members[0].insert(0, Piece("Sales export" + form.delimiter * rng.choice([0, len(draft.titles) - 1])))
    draft.is_sound, draft.must_refuse = False, True


def spoil_bytes(draft: Draft, form: FileForm, columns: Sequence[Column], rng: Random) -> None:
    """Put bytes into one row that are invalid in the encoding."""
    if form.codec not in ("utf-8", "utf-8-sig", "cp949"):
        return
    position = rng.choice(draft.row_pieces())
    piece = draft.members[0][position]
    assert piece.row is not None
    key = draft.rows[piece.row].key
    draft.members[0][position] = replace(piece, text=piece.text.replace(key, key + MARK))
    draft.rows[piece.row] = draft.rows[piece.row].refused
    draft.bad_bytes = rng.choice([b"\xff", b"\xfe\xff", b"\xff\xff\xff"])


def lose_row_end(draft: Draft, form: FileForm, columns: Sequence[Column], rng: Random) -> None:
    """Join two rows into one line."""
    positions = draft.row_pieces()
    if len(positions) < 2:
        return
    at = rng.choice(positions[:-1])
    first, second = draft.members[0][at], draft.members[0][at + 1]
    if second.row is None or any(end in first.text + second.text for end in "\r\n"):
        # A quote in the middle of a field is text, so that a field over several lines would end in its first line.
        return
    draft.members[0][at : at + 2] = [replace(first, text=first.text + second.text)]
    assert first.row is not None
    draft.rows[first.row] = draft.rows[first.row].refused
    draft.rows[second.row] = replace(draft.rows[second.row].refused, is_whole=False)


def break_json(draft: Draft, form: FileForm, columns: Sequence[Column], rng: Random) -> None:
    """Break the JSON of one line."""
    breakers: list[Callable[[str], str]] = [
        lambda text: text[:-1],
        lambda text: f"[{text}]",
        lambda text: text + text,
        lambda text: text.replace(":", ": NaN, ", 1),
        lambda text: text[:-1] + ",}",
    ]
    _spoil(draft, rng, rng.choice(breakers))


def _spoil(draft: Draft, rng: Random, change: Callable[[str], str]) -> None:
    position = rng.choice(draft.row_pieces())
    piece = draft.members[0][position]
    assert piece.row is not None
    draft.members[0][position] = replace(piece, text=change(piece.text))
    draft.rows[piece.row] = draft.rows[piece.row].refused


CSV_FLAWS: tuple[Flaw, ...] = (
    repeat_header, add_field, drop_field, open_quote, escape_quote, add_blank_lines, add_total, add_empty_fields,
    add_title, spoil_bytes, lose_row_end,
)  # fmt: skip
JSON_FLAWS: tuple[Flaw, ...] = (break_json, spoil_bytes, add_blank_lines)


def spoil_lines(draft: Draft, form: FileForm, columns: Sequence[Column], rng: Random) -> None:
    """Apply one or two flaws of lines."""
    flaws = CSV_FLAWS if form.format == "csv" else JSON_FLAWS
    if form.format == "csv" and form.footers:
        flaws = tuple(flaw for flaw in flaws if flaw not in (add_total, add_empty_fields))
    if form.format == "csv" and form.titles:
        flaws = tuple(flaw for flaw in flaws if flaw is not add_title)
    for flaw in rng.sample(flaws, rng.choice([1, 1, 2])):
        flaw(draft, form, columns, rng)
        if form.format == "json" and flaw is not add_blank_lines:
            # One broken record breaks the whole array.
            draft.is_sound = False
        draft.traits += (flaw.__name__,)
