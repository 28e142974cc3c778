"""Reads Excel workbooks (.xlsx). The line of a row is its row in the sheet, from 1."""

import datetime
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
    load_workbook,
)

from installation.contract.document import Column, Contract, FileFormat
from pipelines.ingest.archive import is_zip
from pipelines.ingest.batch import RawBatch
from pipelines.ingest.byte_stream import MAGIC_BYTES, open_seekable, read_start
from pipelines.ingest.drift import DriftEvent
from pipelines.ingest.fault import FileFaultError, RowFault, RowFaults
from pipelines.ingest.header import Header, match_header
from pipelines.ingest.landing import LandedFile
from pipelines.ingest.row_shape import HEADER_SEARCH_ROWS, find_header_row
from pipelines.ingest.sheet_markup import SheetMarkup, check_size, column_letters, read_markup
from pipelines.ingest.text_column import blank_to_null, text_column
from pipelines.ingest.text_rows import TextRows

MIDNIGHT = datetime.time()
# Parts of Java date formats in which a typed time is written, so that it is read like the texts beside it.
_PARTS = {
    "yyyy": "%Y",
    "yy": "%y",
    "MM": "%m",
    "dd": "%d",
    "HH": "%H",
    "hh": "%I",
    "mm": "%M",
    "ss": "%S",
    "SSS": "%f",
    "SSSSSS": "%f",
    "a": "%p",
}
_SHORT_PARTS = {"M": "%m", "d": "%d", "H": "%H", "h": "%I"}
_PART = re.compile(r"([a-zA-Z])\1*")


class ExcelFile:
    """Reads one sheet of one workbook of a source."""

    def __init__(self, file: LandedFile, contract: Contract, form: FileFormat) -> None:
        self.file = file
        self.contract = contract
        self.form = form
        self.notes: tuple[str, ...] = ()
        self.drift: tuple[DriftEvent, ...] = ()

    def batches(self) -> Iterator[RawBatch]:
        """Yield the sheet's rows in batches; empty rows are skipped, and rows with formula errors are marked.

        Raises:
            FileFaultError: the workbook is damaged, or its sheet or header is not the one of the contract.

        """
        content = self._open()
        try:
            sheet = self._choose_sheet(load_workbook(content))
        except CalamineError as error:
            raise FileFaultError("unreadable", f"the workbook is damaged ({error}); send it again") from error
        markup = read_markup(content, sheet.name)
        first_column = sheet.start[1] if sheet.start else 0
        header = self._read_header(sheet)
        self.notes += header.notes
        self.drift = header.drift
        pending = SheetRows(self.form, header, self.contract, markup, first_column)
        for number, row in enumerate(sheet.iter_rows(), 1):
            if number > self.form.header_row and (any(cell != "" for cell in row) or number in markup.cells):
                pending.add_row(row, number)
                if pending.is_full:
                    yield pending.take(is_last=False)
        batch = pending.take(is_last=True)
        self.notes += pending.notes
        if batch.rows:
            yield batch

    def _open(self) -> Path | io.BytesIO:
        content = open_seekable(self.file.path, self.file.member)
        if isinstance(content, Path):
            start, size = read_start(content), self.file.size
        else:
            start, size = content.getvalue()[:MAGIC_BYTES], len(content.getvalue())
        if not start:
            raise FileFaultError("empty", "the file is empty (0 bytes); nothing can be loaded from it")
        if not is_zip(start):
            kind = "HTML or XML" if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else "no Excel workbook"
            reason = f"the file is {kind}, although its contract states xlsx; open it in Excel and save it as .xlsx"
            raise FileFaultError("format", f"{reason}, or state another format in the contract")
        check_size(content, size)
        if not isinstance(content, Path):
            content.seek(0)
        return content

    def _choose_sheet(self, workbook: CalamineWorkbook) -> CalamineSheet:
        names = [sheet.name for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        if self.form.sheet is not None:
            if self.form.sheet not in names:
                listed = ", ".join(names)
                reason = f"the workbook has no sheet {self.form.sheet}; it has {listed}: correct sheet in the contract"
                raise FileFaultError("sheet", reason)
            return workbook.get_sheet_by_name(self.form.sheet)
        hidden = {sheet.name for sheet in workbook.sheets_metadata if sheet.visible != SheetVisibleEnum.Visible}
        filled = [sheet for name in names if (sheet := workbook.get_sheet_by_name(name)).height]
        shown = [sheet for sheet in filled if sheet.name not in hidden]
        if len(shown) > 1:
            listed = ", ".join(sheet.name for sheet in shown)
            raise FileFaultError("sheet", f"the sheets {listed} have cells; state one of them as sheet in the contract")
        if not shown:
            raise FileFaultError("empty", "no visible sheet of the workbook has cells; nothing can be loaded from it")
        self.notes += tuple(f"hidden sheet {sheet.name} was not loaded" for sheet in filled if sheet.name in hidden)
        return shown[0]

    def _read_header(self, sheet: CalamineSheet) -> Header:
        stated = self.form.header_row
        rows = []
        for number, row in enumerate(sheet.iter_rows(), 1):
            rows.append((number, _names(row)))
            if number >= max(stated, HEADER_SEARCH_ROWS):
                break
        names = rows[stated - 1][1] if stated <= len(rows) else []
        try:
            if not names:
                reason = f"row {stated} has no header; send a sheet with the contract's headers"
                raise FileFaultError("empty", reason, stated)
            return match_header(names, self.contract, self.file.name, stated)
        except FileFaultError as fault:
            found = find_header_row(rows, self.contract)
            if found is None or found == stated:
                raise
            reason = (
                f"the header is not in row {stated}; row {found} looks like it: state headerRow: {found} in the "
                "contract, or remove the rows above it"
            )
            raise FileFaultError("header", reason, stated) from fault


class SheetRows(TextRows):
    """Rows of a sheet that are not yet in a batch. Cells keep their types."""

    def __init__(
        self, form: FileFormat, header: Header, contract: Contract, markup: SheetMarkup, first_column: int
    ) -> None:
        super().__init__(form, header)
        self.notes: tuple[str, ...] = ()
        self._columns = {column.name: column for column in contract.columns}
        self._by_position = {position: self._columns[name] for name, position in header.positions.items()}
        self._markup = markup
        self._first_column = first_column

    def add_row(self, row: list[Any], number: int) -> None:
        """Add a row of the sheet; `number` counts from 1."""
        width = len(self._header.names)
        if not self.notes and any(cell != "" for cell in row[width:]):
            self.notes = (f"cells right of column {column_letters(self._first_column + width - 1)} were not loaded",)
        fields = [None if cell == "" else cell for cell in row[:width]]
        marked = self._markup.cells.get(number, {})
        for position, column in sorted(self._by_position.items()):
            if (reason := marked.get(position + self._first_column)) is not None:
                text = self._form.delimiter.join(self._text(fields, position) for position in range(width))
                self._mark(number, text, RowFault(column.name, "cell", reason))
                return
        if any(cell is not None for cell in fields):
            self.add_fields(fields, number)

    def _texts(self, row: Sequence[Any]) -> list[str]:
        return [self._text(row, position) for position in range(len(row))]

    def _text(self, row: Sequence[Any], position: int) -> str:
        return cell_text(row[position], self._by_position.get(position)) or ""

    def _column(self, values: Sequence[Any], name: str, faults: RowFaults) -> pa.Array:
        """Return the cells of a column in their type if they all have the same one, else as text."""
        column, nulls = self._columns[name], self._form.null_values
        if nulls not in ((), ("",)):
            values = [None if cell_text(value, column) in nulls else value for value in values]
        kinds = set(map(type, values)) - {type(None)}
        if kinds <= {datetime.datetime, datetime.date} and kinds:
            return pa.array([None if value is None else _moment(value) for value in values], pa.timestamp("us"))
        if len(kinds) == 1 and kinds <= {float, bool}:
            return pa.array(values)
        texts = [cell_text(value, column) for value in values]
        return blank_to_null(text_column(texts, name, self._form.encoding, faults), nulls)


def cell_text(value: Any, column: Column | None) -> str | None:
    """Return a cell as text that is read as the column's type; None for an empty cell.

    Whole numbers have no decimal point. Times have the column's format, or ISO 8601 if it states none.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
        decimal = column.number_format.decimal if column and column.number_format else "."
        return text.replace(".", decimal)
    if isinstance(value, datetime.date):
        moment = _moment(value)
        if column and column.date_format:
            return _in_format(moment, column.date_format)
        is_day = column is not None and column.spark_type == "date" and moment.time() == MIDNIGHT
        return moment.date().isoformat() if is_day else moment.isoformat(" ")
    return str(value)


def _moment(value: datetime.date) -> datetime.datetime:
    return value if isinstance(value, datetime.datetime) else datetime.datetime.combine(value, MIDNIGHT)


def _in_format(moment: datetime.datetime, java: str) -> str:
    """Return a time in a Java date format; in ISO 8601 if the format has other parts, such as names or zones."""

    def write(match: re.Match[str]) -> str:
        part = match.group()
        if part in _SHORT_PARTS:
            return str(int(moment.strftime(_SHORT_PARTS[part])))
        return moment.strftime(_PARTS[part])[: len(part) if part.startswith("S") else None]

    if "'" in java or any(match.group() not in _PARTS | _SHORT_PARTS for match in _PART.finditer(java)):
        return moment.isoformat(" ")
    return _PART.sub(write, java)


def _names(row: list[Any]) -> list[str]:
    """Return the texts of a row without the empty cells at its end."""
    names = [cell_text(cell, None) or "" for cell in row]
    while names and not names[-1].strip():
        names.pop()
    return names
