"""Finds the sheet, the header row and the footer rows of an Excel workbook without a contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
    load_workbook,
)

from pipelines.contracts.csv_dialect import Record, find_table
from pipelines.ingest.byte_stream import open_seekable
from pipelines.ingest.excel_file import cell_text
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.landing import LandedFile
from privacy.contract.document import FileFormat

SAMPLE_ROWS = 2000


@dataclass(frozen=True)
class SheetGuess:
    """The sheet with the rows, as the contract states it, and its headers. `notes` are remarks about the workbook."""

    form: FileFormat
    headers: tuple[str, ...]
    notes: tuple[str, ...] = ()


def find_sheet(file: LandedFile) -> SheetGuess | None:
    """Return the first visible sheet that has a header and rows; None if there is none.

    Raises:
        FileFaultError: the workbook cannot be read.
    """
    try:
        workbook = load_workbook(open_seekable(file.path, file.member))
        filled = list(_filled_sheets(workbook))
    except (CalamineError, OSError, ValueError) as error:
        raise FileFaultError("unreadable", f"the workbook is damaged ({error}); send it again") from error
    for sheet in filled:
        records = [record for record in _records(sheet) if record.fields]
        found = find_table(records)
        if found is None:
            continue
        header, footer_rows = found
        headers = tuple(field.strip() for field in header.fields)
        form = FileFormat(
            "*", "xlsx", sheet=sheet.name if len(filled) > 1 else None, header_row=header.line, footer_rows=footer_rows
        )
        return SheetGuess(form, headers, tuple(_notes(form, [sheet.name for sheet in filled])))
    return None


def _notes(form: FileFormat, names: list[str]) -> Iterator[str]:
    if form.sheet is not None:
        yield f"{len(names)} sheets have cells ({', '.join(names)}); this contract reads {form.sheet} only"
    if form.header_row > 1:
        yield f"row {form.header_row} is the header; the rows above it are not read"
    if form.footer_rows:
        yield f"the last {form.footer_rows} rows are totals or remarks; every file must end with as many such rows"


def _filled_sheets(workbook: CalamineWorkbook) -> Iterator[CalamineSheet]:
    for about in workbook.sheets_metadata:
        if about.typ == SheetTypeEnum.WorkSheet and about.visible == SheetVisibleEnum.Visible:
            sheet = workbook.get_sheet_by_name(about.name)
            if sheet.height:
                yield sheet


def _records(sheet: CalamineSheet) -> Iterator[Record]:
    for number, row in zip(range(1, SAMPLE_ROWS + 1), sheet.iter_rows(), strict=False):
        fields = [cell_text(cell, None) or "" for cell in row]
        while fields and not fields[-1].strip():
            fields.pop()
        yield Record(number, fields)
