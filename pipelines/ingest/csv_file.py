"""Reads CSV files (RFC 4180, any delimiter and encoding) in batches of bounded size, with line numbers."""

import csv
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from installation.contract.document import Contract, FileFormat
from pipelines.ingest.batch import TEXT_BATCH_CHARACTERS, TEXT_BATCH_ROWS, RawBatch
from pipelines.ingest.fault import FileFaultError, RowFault, RowFaults
from pipelines.ingest.header import Header, match_header
from pipelines.ingest.landing import LandedFile
from pipelines.ingest.text_column import WHOLE_TEXT, blank_to_null, text_column
from pipelines.ingest.text_lines import UNDECODABLE, BoundedLines, keep_bytes, open_lines, suggest_encoding

OTHER_DELIMITERS = (",", ";", "\t", "|")

Fields = Sequence[str | None]


class CsvFile:
    """Reads one CSV file of a source. `max_line` is the longest allowed record in characters."""

    def __init__(self, file: LandedFile, contract: Contract, form: FileFormat, max_line: int) -> None:
        self.file = file
        self.contract = contract
        self.form = form
        self.max_line = max_line
        self.notes: tuple[str, ...] = ()

    def batches(self) -> Iterator[RawBatch]:
        """Yield the file's rows in batches; a row with broken quoting or a wrong number of fields is marked.

        Raises:
            FileFaultError: the file as a whole cannot be loaded.

        """
        # BoundedLines limits the record length and names the line; the limit of the csv module does not.
        csv.field_size_limit(sys.maxsize)
        with open_lines(self.file.path, self.form.codec, self.max_line, self.file.member) as lines:
            records = csv.reader(lines, delimiter=self.form.delimiter, quotechar=self.form.quote, strict=True)
            header = self._read_header(records, lines)
            self.notes = header.notes
            pending = _Pending(self, header)
            for fields, line, fault, text in self._records(records, lines):
                pending.add(fields, line, fault, text)
                if pending.is_full:
                    yield pending.take()
            if pending.rows:
                yield pending.take()

    def _read_header(self, records: Any, lines: BoundedLines) -> Header:
        try:
            names = next(records, None)
        except csv.Error as error:
            raise FileFaultError(
                "header", f"the first line cannot be read as a CSV header ({error}); correct the file", 1
            ) from error
        lines.next_record()
        if not names:
            raise FileFaultError("empty", "the file has no header line; send a file with the contract's headers", 1)
        if any(UNDECODABLE.search(name) for name in names):
            other = suggest_encoding(self.file.path, self.form.codec, self.file.member)
            hint = f"it looks like {other}: change encoding in the contract" if other else "check the file's encoding"
            raise FileFaultError("encoding", f"the header is not valid {self.form.encoding}; {hint}", 1)
        try:
            return match_header(names, self.contract)
        except FileFaultError as fault:
            raise self._explain_delimiter(names) or fault from fault

    def _explain_delimiter(self, names: list[str]) -> FileFaultError | None:
        known = {header for column in self.contract.columns for header in column.headers}
        if len(names) != 1 or len(known) == 1:
            return None
        for other in OTHER_DELIMITERS:
            if len(known.intersection(part.strip() for part in names[0].split(other))) > 1:
                return FileFaultError(
                    "delimiter",
                    f"the header has one column with the contract's delimiter {self.form.delimiter!r}, but the "
                    f"contract's columns with {other!r}: change delimiter in the contract, or correct the file",
                    1,
                )
        return None

    def _records(self, records: Any, lines: BoundedLines) -> Iterator[tuple[list[str], int, str | None, str]]:
        while True:
            line = lines.record_start
            try:
                fields = next(records, None)
                fault = None
            except csv.Error as error:
                if "unexpected end of data" in str(error):
                    raise FileFaultError(
                        "quote",
                        f"a quote that opens in the record at line {line} is never closed; correct the file",
                        line,
                    ) from error
                fields, fault = [], f"the quoting is broken ({error})"
            if fields is None:
                return
            text = "".join(lines.record)
            lines.next_record()
            if fields or fault:
                yield fields, line, fault, text


class _Pending:
    """Collects rows until there are enough for a batch."""

    def __init__(self, file: CsvFile, header: Header) -> None:
        self._file = file
        self._header = header
        self._clear()

    def _clear(self) -> None:
        self.rows: list[Fields] = []
        self._lines: list[int] = []
        self._broken: dict[int, tuple[str, str]] = {}
        self._characters = 0

    @property
    def is_full(self) -> bool:
        return len(self.rows) >= TEXT_BATCH_ROWS or self._characters >= TEXT_BATCH_CHARACTERS

    def add(self, fields: list[str], line: int, fault: str | None, text: str) -> None:
        width = len(self._header.names)
        if fault is None and len(fields) != width:
            fault = f"{len(fields)} fields; the header has {width}"
        if fault is not None:
            self._broken[len(self.rows)] = (fault, text)
            self.rows.append((None,) * width)
        else:
            self.rows.append(fields)
        self._lines.append(line)
        self._characters += len(text)

    def take(self) -> RawBatch:
        rows, broken, header = self.rows, self._broken, self._header
        form = self._file.form
        faults = RowFaults.none(len(rows))
        for position, (reason, _) in broken.items():
            faults.mark_row(position, RowFault(None, "fields", reason))
        by_column = list(zip(*rows, strict=True))
        columns = {}
        for name, position in header.positions.items():
            values = text_column(by_column[position], name, form.encoding, faults)
            columns[name] = blank_to_null(values, form.null_values)

        def raw(row: int) -> dict[str, Any]:
            if row in broken:
                return {WHOLE_TEXT: keep_bytes(broken[row][1], form.codec)}
            return {
                key: keep_bytes(value or "", form.codec) for key, value in zip(header.names, rows[row], strict=True)
            }

        batch = RawBatch(columns, np.array(self._lines, np.int64), raw, faults)
        self._clear()
        return batch
