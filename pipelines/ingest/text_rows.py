"""Collects the rows of a text file until there are enough for a batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from installation.contract.document import FileFormat
from pipelines.ingest.batch import TEXT_BATCH_CHARACTERS, TEXT_BATCH_ROWS, RawBatch
from pipelines.ingest.fault import RowFault, RowFaults
from pipelines.ingest.header import Header
from pipelines.ingest.row_shape import FOOTER_ROWS, HeaderWatch, Row, is_footer, is_like
from pipelines.ingest.text_column import WHOLE_TEXT, blank_to_null, text_column
from pipelines.ingest.text_lines import keep_bytes

# Disks and programs that stop in the middle of writing leave runs of NUL bytes; a single one may be text.
NUL_RUN = "\0\0"
REPEATED_HEADER = RowFault(None, "header", "the line repeats the header; two exports may have been pasted together")
UNSTATED_FOOTER = RowFault(
    None, "footer", "looks like a total or a number of rows, not like data; state footerRows in the contract"
)
DATA_FOOTER = RowFault(
    None, "footer", "is one of the footer rows that the contract states, but looks like data; check footerRows"
)


class TextRows:
    """Rows that are not yet in a batch.

    Rows at the end of the file are kept back until `take(is_last=True)`, because the last ones may be no data.
    """

    def __init__(self, form: FileFormat, header: Header) -> None:
        self.last_sound: Row | None = None
        self._form = form
        self._header = header
        self.width = len(header.names)
        self._watch = HeaderWatch(header.names)
        self._kept = form.footer_rows + FOOTER_ROWS
        self._rows: list[Row] = []
        self._lines: list[int] = []
        self._broken: dict[int, tuple[RowFault, str]] = {}
        self._characters = 0

    @property
    def is_full(self) -> bool:
        """Whether there are enough rows for a batch."""
        return len(self._rows) >= TEXT_BATCH_ROWS + self._kept or self._characters >= TEXT_BATCH_CHARACTERS

    def add(self, fields: list[str], line: int, text: str) -> None:
        """Add a record; `text` is the record as it stands in the file."""
        if len(fields) != self.width:
            reason = f"{len(fields)} fields; the header has {self.width}"
            if is_footer(fields):
                reason += "; it looks like a footer: state footerRows in the contract"
            self._mark(line, text, RowFault(None, "fields", reason))
        elif NUL_RUN in text:
            reason = "the line has runs of NUL bytes, as an interrupted copy leaves them"
            self._mark(line, text, RowFault(None, "fields", reason))
        else:
            self.add_fields(fields, line)
        self._characters += len(text)

    def add_fields(self, fields: list[Any], line: int) -> None:
        """Add a row that has as many fields as the header."""
        self._rows.append(fields)
        self._lines.append(line)
        self.last_sound = fields

    def add_plain(self, records: list[list[str]], lines: list[str], start: int) -> None:
        """Add records of one line each; `start` is the number of the first line. Blank lines are left out."""
        if set(map(len, records)) != {self.width}:
            for number, (fields, text) in enumerate(zip(records, lines, strict=True), start):
                if fields:
                    self.add(fields, number, text)
            return
        self._rows += records
        self._lines.extend(range(start, start + len(records)))
        self._characters += sum(map(len, lines))
        self.last_sound = records[-1]

    def add_broken(self, record: list[str], start: int, reason: str) -> None:
        """Add each line of a broken record as a row of its own, with the same reason."""
        for number, line in enumerate(record, start):
            if line.strip():
                self._mark(number, line, RowFault(None, "fields", reason))
            self._characters += len(line)

    def take(self, *, is_last: bool) -> RawBatch:
        """Return the collected rows as a batch, and keep back the last ones unless the file has ended.

        Raises:
            FileFaultError: the header stands again in the file, in another order.

        """
        if is_last:
            self._end()
        count = len(self._rows) if is_last else max(0, len(self._rows) - self._kept)
        rows, lines = self._rows[:count], self._lines[:count]
        broken = {place: entry for place, entry in self._broken.items() if place < count}
        self._rows, self._lines = self._rows[count:], self._lines[count:]
        self._broken = {place - count: entry for place, entry in self._broken.items() if place >= count}
        self._characters = 0
        return self._batch(rows, lines, broken)

    def _mark(self, line: int, text: str, fault: RowFault) -> None:
        self._broken[len(self._rows)] = (fault, text)
        self._rows.append((None,) * self.width)
        self._lines.append(line)

    def _end(self) -> None:
        """Leave out the footers that the contract states; mark rows that may be footers or not."""
        stated = self._form.footer_rows
        cut = max(0, len(self._rows) - stated)
        like = next((row for place, row in enumerate(self._rows[:cut]) if place not in self._broken), None)
        for place in range(max(0, cut - FOOTER_ROWS), len(self._rows)):
            row = self._texts(self._rows[place])
            if place in self._broken:
                continue
            if place < cut and is_footer(row):
                self._broken[place] = (UNSTATED_FOOTER, self._joined(row))
            elif place >= cut and not is_footer(row) and like is not None and is_like(row, self._texts(like)):
                self._broken[place] = (DATA_FOOTER, self._joined(row))
        kept = [
            place
            for place in range(len(self._rows))
            if place < cut or self._broken.get(place, (None,))[0] is DATA_FOOTER
        ]
        moved = {place: position for position, place in enumerate(kept)}
        self._rows, self._lines = [self._rows[place] for place in kept], [self._lines[place] for place in kept]
        self._broken = {moved[place]: entry for place, entry in self._broken.items() if place in moved}

    def _batch(self, rows: list[Row], lines: list[int], broken: dict[int, tuple[RowFault, str]]) -> RawBatch:
        header, form = self._header, self._form
        by_column = list(zip(*rows, strict=True)) if rows else [()] * self.width
        if not self._watch.starts.isdisjoint(by_column[0]):
            for place, row in enumerate(rows):
                if row[0] in self._watch.starts and place not in broken:
                    self._check_start(self._texts(row), place, lines[place], broken)
        faults = RowFaults.none(len(rows))
        for place, (fault, _) in broken.items():
            faults.mark_row(place, fault)
        columns = {name: self._column(by_column[place], name, faults) for name, place in header.positions.items()}

        def raw(row: int) -> dict[str, Any]:
            if row in broken:
                return {WHOLE_TEXT: keep_bytes(broken[row][1], form.codec)}
            return {
                key: keep_bytes(value or "", form.codec)
                for key, value in zip(header.names, self._texts(rows[row]), strict=True)
            }

        return RawBatch(columns, np.array(lines, np.int64), raw, faults)

    def _column(self, values: Sequence[Any], name: str, faults: RowFaults) -> pa.Array:
        texts = text_column(values, name, self._form.encoding, faults)
        return blank_to_null(texts, self._form.null_values)

    def _texts(self, row: Row) -> Row:
        """Return the fields of a row as text."""
        return row

    def _joined(self, row: Row) -> str:
        return self._form.delimiter.join(value or "" for value in row)

    def _check_start(self, row: Row, place: int, line: int, broken: dict[int, tuple[RowFault, str]]) -> None:
        """Mark a row that repeats the header or is a total. It is stored as text, so that no replay loads it."""
        if self._watch.is_header(row, line):
            broken[place] = (REPEATED_HEADER, self._joined(row))
        elif is_footer(row) and 2 * sum(bool(value and value.strip()) for value in row) <= len(row):
            broken[place] = (UNSTATED_FOOTER, self._joined(row))
