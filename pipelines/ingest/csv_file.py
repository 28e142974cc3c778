"""Reads CSV files (RFC 4180, any delimiter and encoding) in batches of bounded size, with line numbers."""

import csv
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from installation.contract.document import Contract, FileFormat
from pipelines.ingest.batch import RawBatch
from pipelines.ingest.drift import DriftEvent
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.header import Header, match_header
from pipelines.ingest.landing import LandedFile
from pipelines.ingest.row_shape import Row, find_header_row, is_like
from pipelines.ingest.text_lines import UNDECODABLE, BoundedLines, explain_encoding, open_lines
from pipelines.ingest.text_rows import NUL_RUN, TextRows

OTHER_DELIMITERS = (",", ";", "\t", "|")
# Records that are read one by one before the rest is tried at once again.
SINGLE_RECORDS = 256
REST = "follows a broken record that has too few fields, and may be the rest of it"
BACKSLASH = "a quote is escaped by a backslash, which CSV does not know; double the quote instead"


class CsvFile:
    """Reads one CSV file of a source. `max_line` is the longest allowed record in characters."""

    def __init__(self, file: LandedFile, contract: Contract, form: FileFormat, max_line: int) -> None:
        self.file = file
        self.contract = contract
        self.form = form
        self.max_line = max_line
        self.notes: tuple[str, ...] = ()
        self.drift: tuple[DriftEvent, ...] = ()
        # A backslash before a doubled quote that ends a field: it depends on the program what was meant.
        delimiter, quote = re.escape(form.delimiter), re.escape(form.quote)
        self._doubtful_escape = re.compile(rf"\\{quote}{quote}(?={delimiter}|\r|\n|$)(?!{quote})")

    def batches(self) -> Iterator[RawBatch]:
        """Yield the file's rows in batches; a row with broken quoting or a wrong number of fields is marked.

        Raises:
            FileFaultError: the file as a whole cannot be loaded.

        """
        # BoundedLines limits the record length and names the line; the limit of the csv module does not.
        csv.field_size_limit(sys.maxsize)
        with open_lines(self.file, self.form, self.max_line) as lines:
            header = self._read_header(lines)
            self.notes, self.drift = header.notes, header.drift
            pending = TextRows(self.form, header)
            self._records = self._split(lines, strict=True)
            # Whether the last record was broken and has too few fields, so that it may go on in the next line.
            self._may_go_on = False
            has_more = True
            while has_more:
                has_more = self._read_some(lines, pending)
                batch = pending.take(is_last=not has_more)
                if batch.rows:
                    yield batch

    def _read_header(self, lines: BoundedLines) -> Header:
        row = self.form.header_row
        for _ in islice(lines, row - 1):
            lines.next_record()
        try:
            names = next(self._split(lines, strict=True), None)
        except csv.Error as error:
            reason = f"line {row} cannot be read as a CSV header ({error}); correct the file"
            raise self._explain_row() or FileFaultError("header", reason, row) from error
        lines.next_record()
        if not names:
            reason = "the file has no header line; send a file with the contract's headers"
            raise self._explain_row() or FileFaultError("empty", reason, row)
        if any(UNDECODABLE.search(name) or "\0" in name for name in names):
            hint = explain_encoding(self.file, self.form)
            raise FileFaultError("encoding", f"the header is not valid {self.form.encoding}; {hint}", row)
        try:
            return match_header(names, self.contract, self.file.name, row)
        except FileFaultError as fault:
            raise self._explain_delimiter(names) or self._explain_row() or fault from fault

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
                    self.form.header_row,
                )
        return None

    def _explain_row(self) -> FileFaultError | None:
        """Return the fault that names the line that looks like the header; None if no other line does."""
        stated = self.form.header_row
        with open_lines(self.file, self.form, self.max_line) as lines:
            split = self._split(lines)

            def numbered() -> Iterator[tuple[int, list[str]]]:
                for names in split:
                    yield lines.record_start, names
                    lines.next_record()

            found = find_header_row(numbered(), self.contract)
        if found is None or found == stated:
            return None
        reason = (
            f"the header is not in line {stated}; line {found} looks like it: state headerRow: {found} in the contract"
            ", or remove the lines above it"
        )
        return FileFaultError("header", reason, stated)

    def _read_some(self, lines: BoundedLines, pending: TextRows) -> bool:
        """Add records until there are enough for a batch; return whether the file may have more."""
        while not pending.is_full:
            if not self._add_at_once(lines, pending) and not self._add_singly(lines, pending):
                return False
        return True

    def _add_at_once(self, lines: BoundedLines, pending: TextRows) -> bool:
        """Add the next lines if each of them is a record of its own; return whether they were added."""
        if self._may_go_on:
            return False
        texts = lines.peek(NUL_RUN, "\\" + self.form.quote)
        try:
            records = list(self._split(texts, strict=True))
        except csv.Error:
            records = []
        if not records or len(records) != len(texts):
            lines.read_singly()
            return False
        pending.add_plain(records, texts, lines.take(len(texts)))
        return True

    def _add_singly(self, lines: BoundedLines, pending: TextRows) -> bool:
        """Add some records one by one; return whether the file may have more."""
        records = self._records
        for _ in range(SINGLE_RECORDS):
            start = lines.record_start
            try:
                fields = next(records, None)
            except csv.Error as error:
                if "unexpected end of data" in str(error):
                    raise self._unclosed(lines) from error
                self._add_broken(lines, pending, str(error))
                continue
            if fields is None:
                return False
            record = lines.record
            text = record[0] if len(record) == 1 else "".join(record)
            may_go_on, self._may_go_on = self._may_go_on, self._may_go_on and not fields
            if may_go_on and fields and not is_like(fields, pending.last_sound or []):
                pending.add_broken(record, start, REST)
                self._may_go_on = len(fields) < pending.width
            elif len(record) > 1 and (fault := self._find_swallowed(record, start, pending.last_sound)):
                pending.add_broken(record, start, fault)
            elif "\\" in text and self._doubtful_escape.search(text):
                pending.add_broken(record, start, BACKSLASH)
            elif fields:
                pending.add(fields, start, text)
            lines.next_record()
        return True

    def _unclosed(self, lines: BoundedLines) -> FileFaultError:
        start = lines.record_start
        reason = f"a quote that opens in the record at line {start} is never closed; correct the file"
        if "\\" + self.form.quote in "".join(lines.record):
            reason += f". {BACKSLASH.capitalize()}"
        return FileFaultError("quote", reason, start)

    def _add_broken(self, lines: BoundedLines, pending: TextRows, error: str) -> None:
        record, start = lines.record, lines.record_start
        if "\\" + self.form.quote in "".join(record):
            reason = f"the quoting is broken: {BACKSLASH}"
        else:
            reason = f"the quoting is broken ({error})"
        if len(record) > 1:
            reason += (
                f"; lines {start} to {lines.number} ({len(record)} lines) were read as one record, because a quote "
                f"that opens in line {start} is not closed there"
            )
        pending.add_broken(record, start, reason)
        fields = max(len(next(self._split(record[-1:]), [])), len([*self._split(record)][-1]))
        self._may_go_on = fields < pending.width
        lines.next_record()

    def _find_swallowed(self, record: list[str], start: int, sound: Row | None) -> str | None:
        """Return the fault of a record over several lines if one of them looks like a record of its own."""
        end = start + len(record) - 1
        if not self.form.multiline:
            return f"a field goes on over lines {start} to {end}, and the contract states multiline: false"
        like = sound or next(self._split(record[:1]))
        for line in record[1:]:
            if is_like(next(self._split([line]), []), like):
                return (
                    f"lines {start} to {end} ({len(record)} lines) were read as one record, but look like several; "
                    f"a quote that opens in line {start} may not be closed there"
                )
        return None

    def _split(self, lines: Iterable[str], *, strict: bool = False) -> Any:
        return csv.reader(lines, delimiter=self.form.delimiter, quotechar=self.form.quote, strict=strict)
