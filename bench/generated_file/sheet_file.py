"""Draws columns of Excel workbooks and writes rows as a workbook."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable, Sequence
from decimal import Decimal
from random import Random
from typing import Any

import openpyxl

from bench.generated_file.cell import Cell, Column
from bench.generated_file.file_form import FileForm
from bench.generated_file.parquet_column import typed
from bench.generated_file.text_form import cell_of, letters_of
from bench.generated_file.time_form import SETTING_ZONE, Zones, draw_local, loaded_as


def identifier(rng: Random, name: str) -> Column:
    """Return identifiers as text cells with leading zeros, or as number cells."""
    form = rng.choice(["text", "number", "mixed"])

    def draw(rng: Random) -> Cell:
        if form == "text" or (form == "mixed" and rng.random() < 0.5):
            return cell_of(f"{rng.randrange(10**8):09d}")
        number = rng.randrange(10**4, 10**15)
        return typed(str(number), number)

    return Column(name, "identifier", form, "string", "string", draw)


def integer(rng: Random, name: str) -> Column:
    """Return integers as number cells."""

    def draw(rng: Random) -> Cell:
        number = rng.randrange(-(10**4), 10**9)
        return typed(number, number)

    return Column(name, "integer", "number", "integer", "bigint", draw)


def decimal(rng: Random, name: str) -> Column:
    """Return exact decimals as number cells, which Excel stores as binary numbers."""

    def draw(rng: Random) -> Cell:
        value = Decimal(rng.randrange(-(10**6), 10**8)).scaleb(-2)
        return typed(value, float(value))

    return Column(name, "decimal", "number", "number", "decimal(14,2)", draw)


def boolean(rng: Random, name: str) -> Column:
    """Return booleans as boolean cells."""

    def draw(rng: Random) -> Cell:
        value = rng.random() < 0.5
        return typed(value, value)

    return Column(name, "boolean", "boolean", "boolean", "boolean", draw)


def date(rng: Random, name: str) -> Column:
    """Return dates as cells with a date format."""

    def draw(rng: Random) -> Cell:
        value = datetime.date(1931, 1, 1) + datetime.timedelta(days=rng.randrange(31_000))
        return typed(value, value)

    return Column(name, "date", "date cell", "date", "date", draw)


def time(rng: Random, name: str, zones: Zones) -> Column:
    """Return times as cells with a time format: wall time of the file's zone."""
    stated = zones.file or SETTING_ZONE

    def draw(rng: Random) -> Cell:
        local = draw_local(rng)
        accepted = loaded_as(local, stated, zones)
        return Cell(accepted, "", "", local, bool(accepted))

    return Column(name, "time", "time cell", "timestamp", "timestamp_ntz", draw)


def text(rng: Random, name: str) -> Column:
    """Return free text."""

    def draw(rng: Random) -> Cell:
        return cell_of("t" + "".join(rng.choice(letters_of("UTF-8") + '\n,";= 0') for _ in range(rng.randint(1, 12))))

    return Column(name, "text", "text", "string", "string", draw)


def makers(zones: Zones) -> list[Callable[[Random, str], Column]]:
    """Return the functions that draw a column; each takes the generator and the name."""
    return [identifier, integer, decimal, boolean, date, text, lambda rng, name: time(rng, name, zones)]


def write_workbook(titles: Sequence[str], table: Sequence[Sequence[Cell]], form: FileForm, rng: Random) -> bytes:
    """Return the bytes of a workbook with one sheet of rows, and sometimes an empty sheet beside it."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    rows: list[list[Any]] = [[title] for title in form.titles]
    rows += [
        list(titles),
        *([cell.native for cell in cells] for cells in table),
        *([footer] for footer in form.footers),
    ]
    for row in rows:
        sheet.append(row)
    if rng.random() < 0.2:
        book.create_sheet("Notes")
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()
