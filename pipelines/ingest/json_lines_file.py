"""Reads JSON files, one object per line or an array of objects, in batches of bounded size. A missing field is null."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeAlias

import numpy as np

from installation.contract.document import Contract, FileFormat
from pipelines.ingest.batch import TEXT_BATCH_CHARACTERS, TEXT_BATCH_ROWS, RawBatch
from pipelines.ingest.drift import DriftEvent
from pipelines.ingest.exact_json import FAST, Number, decode, decode_exactly, decode_flat, encode, plain, reason_of
from pipelines.ingest.fault import FileFaultError, RowFault, RowFaults
from pipelines.ingest.json_document import is_document, read_document
from pipelines.ingest.json_field import JsonFields
from pipelines.ingest.landing import LandedFile
from pipelines.ingest.number_text import in_format
from pipelines.ingest.text_column import WHOLE_TEXT, blank_to_null, text_column
from pipelines.ingest.text_lines import UNDECODABLE, keep_bytes, open_lines, open_text
from privacy.contract.column import NumberFormat

START_CHARACTERS = 1 << 16


# One record: its number, its text, and its fields; without fields if it has a fault. A tuple lives only until its parts
# are in a batch, which keeps Python's garbage collector from visiting it.
JsonRecord: TypeAlias = tuple[int, str, dict[str, Any], RowFault | None]


class JsonBatch:
    """The records of one batch. `faults` has the faults by position."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.texts: list[str] = []
        self.objects: list[dict[str, Any]] = []
        self.faults: dict[int, RowFault] = {}
        self._characters = 0

    def add(self, number: int, text: str, fields: dict[str, Any], fault: RowFault | None) -> None:
        """Add a record."""
        if fault is not None:
            self.faults[len(self.numbers)] = fault
        self.numbers.append(number)
        self.texts.append(text)
        self.objects.append(fields)
        self._characters += len(text)

    @property
    def is_full(self) -> bool:
        """Whether there are enough records."""
        return len(self.numbers) >= TEXT_BATCH_ROWS or self._characters >= TEXT_BATCH_CHARACTERS


class JsonRows:
    """Makes columns of text from JSON records. `fields` matches their fields with the contract's columns."""

    def __init__(self, contract: Contract, form: FileFormat, fields: JsonFields) -> None:
        self.form = form
        self.fields = fields
        self._formats = {column.name: column.number_format for column in contract.columns if column.number_format}

    def batch(self, batch: JsonBatch) -> RawBatch:
        """Return records as columns of text; a record without a field of the contract is marked."""
        objects, texts = batch.objects, batch.texts
        faults = RowFaults.none(len(objects))
        for position, fault in batch.faults.items():
            faults.mark_row(position, fault)
        self.fields.add(objects, faults)

        def exact_text(row: int, name: str, keys: tuple[str, ...]) -> str | None:
            if not objects[row]:
                return None
            try:
                return as_text(_field(decode_exactly(texts[row]), keys), self._formats.get(name))
            except RecursionError:
                faults.mark_row(row, RowFault(name, "json", "nested too deeply"))
                return None

        columns = {}
        for name, keys in self.fields.keys.items():
            if len(keys) == 1:
                values = [item.get(keys[0]) for item in objects]
            else:
                values = [_field(item, keys) for item in objects]
            # With a number format, a number has to be told from a text that holds one.
            exact = (str, dict, list) if name in self._formats else (dict, list)
            if name in self._formats or not _PLAIN.issuperset(map(type, values)):
                values = [
                    exact_text(row, name, keys) if isinstance(value, exact) else as_text(value)
                    for row, value in enumerate(values)
                ]
            array = text_column(values, name, self.form.encoding, faults)
            columns[name] = blank_to_null(array, self.form.null_values)

        def raw(row: int) -> dict[str, Any]:
            whole = {WHOLE_TEXT: keep_bytes(texts[row], self.form.codec)}
            if not objects[row]:
                return whole
            record: dict[str, Any] = decode_exactly(texts[row])
            try:
                encode(record)
            except RecursionError:
                return whole
            return record

        return RawBatch(columns, np.array(batch.numbers, np.int64), raw, faults)


class JsonFile:
    """Reads one JSON file of a source: one object per line, or an array of objects.

    `max_line` is the longest allowed record in characters. The line of a row is its line in the file; for an array it
    is the number of its record, from 1.
    """

    def __init__(self, file: LandedFile, contract: Contract, form: FileFormat, max_line: int) -> None:
        self.file = file
        self.form = form
        self.max_line = max_line
        self.notes: tuple[str, ...] = ()
        self.drift: tuple[DriftEvent, ...] = ()
        self._rows = JsonRows(contract, form, JsonFields(contract, file.name))

    def batches(self) -> Iterator[RawBatch]:
        """Yield the file's rows in batches; blank lines are skipped, and a record that is not an object is marked.

        Raises:
            FileFaultError: the file as a whole cannot be loaded. That its fields differ from the contract is only known
                after the last batch.

        """
        with open_text(self.file, self.form) as content:
            start = content.read(START_CHARACTERS)
        if not start:
            raise FileFaultError("empty", "the file holds no record; nothing can be loaded from it")
        batch = JsonBatch()
        for number, text, fields, fault in self._document() if is_document(start) else self._lines():
            batch.add(number, text, fields, fault)
            if batch.is_full:
                yield self._rows.batch(batch)
                batch = JsonBatch()
        if batch.numbers:
            yield self._rows.batch(batch)
        self.drift, self.notes = self._rows.fields.find_drift()

    def _lines(self) -> Iterator[JsonRecord]:
        with open_lines(self.file, self.form, self.max_line) as lines:
            while texts := lines.peek() or list(islice(lines, 1)):
                number = lines.record_start
                if len(lines.record):
                    lines.next_record()
                else:
                    lines.take(len(texts))
                for place, text in enumerate(texts, number):
                    if text.strip():
                        yield read_line(place, text, self.form.encoding)

    def _document(self) -> Iterator[JsonRecord]:
        with open_text(self.file, self.form) as text:
            for number, (value, part) in enumerate(read_document(text, FAST, self.max_line), 1):
                yield number, part, *_check_object(value, part, self.form.encoding)


def parse_line(text: str, encoding: str) -> tuple[dict[str, Any], RowFault | None]:
    """Return the JSON object of a line and None, or an empty object and the fault. Numbers are kept as text."""
    try:
        parsed = decode(text)
    except (ValueError, RecursionError) as error:
        return {}, RowFault(None, "json", f"not a line of JSON ({reason_of(error)})")
    return _check_object(parsed, text, encoding)


def read_line(number: int, text: str, encoding: str) -> JsonRecord:
    """Return the record of a line, with its number."""
    flat = decode_flat(text)
    if flat is not None and (text.isascii() or not UNDECODABLE.search(text)):
        return number, text, flat, None
    return number, text, *parse_line(text, encoding)


def _check_object(value: Any, text: str, encoding: str) -> tuple[dict[str, Any], RowFault | None]:
    if UNDECODABLE.search(text):
        return {}, RowFault(None, "encoding", f"the bytes are not {encoding}")
    if not isinstance(value, dict):
        return {}, RowFault(None, "json", "not a JSON object")
    return value, None


def as_text(value: Any, form: NumberFormat | None = None) -> str | None:
    """Return a field's value as text, so that the contract decides its type; null stays None.

    Objects and lists stay JSON, in which numbers remain numbers. A `Number` is written in the column's number format.
    """
    if value is None or type(value) is str:
        return value
    return in_format(plain(str(value)), form) if isinstance(value, Number) else encode(value)


def _field(item: dict[str, Any], headers: tuple[str, ...]) -> Any:
    """Return the value of the first of the headers that the object has; None if it has none."""
    if len(headers) == 1:
        return item.get(headers[0])
    return next((item[key] for key in headers if key in item), None)


# Most columns hold only these types and need no conversion.
_PLAIN = frozenset({str, type(None)})
