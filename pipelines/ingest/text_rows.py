"""Collects the rows of a text file until there are enough for a batch."""

from typing import Any

import numpy as np

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
        self._width = len(header.names)
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
        if len(fields) != self._width:
            reason = f"{len(fields)} fields; the header has {self._width}"
            if is_footer(fields):
                reason += "; it looks like a footer: state footerRows in the contract"
            self._mark(line, text, "fields", reason)
        elif NUL_RUN in text:
            self._mark(line, text, "fields", "the line has runs of NUL bytes, as an interrupted copy leaves them")
        else:
            self._rows.append(fields)
            self._lines.append(line)
            self.last_sound = fields
        self._characters += len(text)

    def add_plain(self, records: list[list[str]], lines: list[str], start: int) -> None:
        """Add records of one line each; `start` is the number of the first line. Blank lines are left out."""
        if set(map(len, records)) != {self._width}:
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
                self._mark(number, line, "fields", reason)
            self._characters += len(line)

    def take(self, *, is_last: bool) -> RawBatch:
        """Return the collected rows as a batch, and keep back the last ones unless the file has ended.

        Raises:
            FileFaultError: the header stands again in the file, in another order.

        """
        footers = self._end() if is_last else {}
        count = len(self._rows) if is_last else max(0, len(self._rows) - self._kept)
        rows, lines = self._rows[:count], self._lines[:count]
        broken = {place: entry for place, entry in self._broken.items() if place < count}
        self._rows, self._lines = self._rows[count:], self._lines[count:]
        self._broken = {place - count: entry for place, entry in self._broken.items() if place >= count}
        self._characters = 0
        return self._batch(rows, lines, broken, footers)

    def _mark(self, line: int, text: str, rule: str, reason: str) -> None:
        self._broken[len(self._rows)] = (RowFault(None, rule, reason), text)
        self._rows.append((None,) * self._width)
        self._lines.append(line)

    def _end(self) -> dict[int, RowFault]:
        """Leave out the footers that the contract states; return the faults of rows that may be footers or not."""
        stated = self._form.footer_rows
        cut = max(0, len(self._rows) - stated)
        faults = {
            place: UNSTATED_FOOTER
            for place in range(max(0, cut - FOOTER_ROWS), cut)
            if place not in self._broken and is_footer(self._rows[place])
        }
        like = next((row for row in reversed(self._rows[:cut]) if row[0] is not None), None)
        for place in range(cut, len(self._rows)):
            row = self._rows[place]
            if place not in self._broken and not is_footer(row) and like is not None and is_like(row, like):
                faults[place] = DATA_FOOTER
        kept = [place for place in range(len(self._rows)) if place < cut or place in faults]
        moved = {place: position for position, place in enumerate(kept)}
        self._rows, self._lines = [self._rows[place] for place in kept], [self._lines[place] for place in kept]
        self._broken = {moved[place]: entry for place, entry in self._broken.items() if place in moved}
        return {moved[place]: fault for place, fault in faults.items()}

    def _batch(
        self,
        rows: list[Row],
        lines: list[int],
        broken: dict[int, tuple[RowFault, str]],
        footers: dict[int, RowFault],
    ) -> RawBatch:
        header, form = self._header, self._form
        faults = RowFaults.none(len(rows))
        for place, fault in footers.items():
            faults.mark_row(place, fault)
        for place, (fault, _) in broken.items():
            faults.mark_row(place, fault)
        by_column = list(zip(*rows, strict=True)) if rows else [()] * self._width
        if not self._watch.starts.isdisjoint(by_column[0]):
            for place, row in enumerate(rows):
                if row[0] in self._watch.starts and place not in broken:
                    self._check_start(row, place, lines[place], faults)
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

        return RawBatch(columns, np.array(lines, np.int64), raw, faults)

    def _check_start(self, row: Row, place: int, line: int, faults: RowFaults) -> None:
        if self._watch.is_header(row, line):
            faults.mark_row(place, REPEATED_HEADER)
        elif is_footer(row) and 2 * sum(bool(value and value.strip()) for value in row) <= len(row):
            faults.mark_row(place, UNSTATED_FOOTER)
