"""Reads JSON Lines files, one object per line, in batches of bounded size. A missing field is null."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from installation.contract.document import Column, Contract, FileFormat
from pipelines.ingest.batch import TEXT_BATCH_CHARACTERS, TEXT_BATCH_ROWS, RawBatch
from pipelines.ingest.exact_json import Number, decode, decode_exactly, encode, plain
from pipelines.ingest.fault import RowFault, RowFaults
from pipelines.ingest.landing import LandedFile
from pipelines.ingest.text_column import WHOLE_TEXT, blank_to_null, text_column
from pipelines.ingest.text_lines import UNDECODABLE, keep_bytes, open_lines


class JsonLinesFile:
    """Reads one JSON Lines file of a source. `max_line` is the longest allowed line in characters."""

    def __init__(self, file: LandedFile, contract: Contract, form: FileFormat, max_line: int) -> None:
        self.file = file
        self.contract = contract
        self.form = form
        self.max_line = max_line
        self.notes: tuple[str, ...] = ()
        self._names = {header: column.name for column in contract.columns for header in column.headers}

    def batches(self) -> Iterator[RawBatch]:
        """Yield the file's rows in batches; blank lines are skipped, and a line that is not an object is marked.

        Raises:
            FileFaultError: the file as a whole cannot be loaded.

        """
        texts: list[str] = []
        numbers: list[int] = []
        characters = 0
        with open_lines(self.file.path, self.form.codec, self.max_line, self.file.member) as lines:
            for text in lines:
                number = lines.record_start
                lines.next_record()
                if not text.strip():
                    continue
                texts.append(text)
                numbers.append(number)
                characters += len(text)
                if len(texts) >= TEXT_BATCH_ROWS or characters >= TEXT_BATCH_CHARACTERS:
                    yield self._batch(texts, numbers)
                    texts, numbers, characters = [], [], 0
        if texts:
            yield self._batch(texts, numbers)

    def _batch(self, texts: list[str], numbers: list[int]) -> RawBatch:
        faults = RowFaults.none(len(texts))
        objects: list[dict[str, Any]] = []
        for position, text in enumerate(texts):
            parsed, fault = parse_line(text, self.form.encoding)
            if fault is None and not parsed.keys() & self._names.keys():
                fault = RowFault(None, "json", "has no field of the contract")
            objects.append(parsed)
            if fault is not None:
                faults.mark_row(position, fault)
        self._note_unknown([item for item in objects if item.keys() & self._names.keys()])

        def nested(row: int, column: Column) -> str | None:
            try:
                return as_text(_field(decode_exactly(texts[row]), column.headers))
            except RecursionError:
                faults.mark_row(row, RowFault(column.name, "json", "nested too deeply"))
                return None

        columns = {}
        for column in self.contract.columns:
            values = [_field(item, column.headers) for item in objects]
            if not _PLAIN.issuperset(map(type, values)):
                values = [
                    as_text(value) if type(value) in _PLAIN or type(value) is bool else nested(row, column)
                    for row, value in enumerate(values)
                ]
            array = text_column(values, column.name, self.form.encoding, faults)
            columns[column.name] = blank_to_null(array, self.form.null_values)

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

        return RawBatch(columns, np.array(numbers, np.int64), raw, faults)

    def _note_unknown(self, objects: list[dict[str, Any]]) -> None:
        unknown = set().union(*objects) - self._names.keys()
        fresh = [f"field {key} is not in the contract and was not loaded" for key in sorted(unknown)]
        self.notes = tuple(dict.fromkeys((*self.notes, *fresh)))


def parse_line(text: str, encoding: str) -> tuple[dict[str, Any], RowFault | None]:
    """Return the JSON object of a line and None, or an empty object and the fault. Numbers are kept as text."""
    if UNDECODABLE.search(text):
        return {}, RowFault(None, "encoding", f"the bytes are not {encoding}")
    try:
        parsed = decode(text)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "depth or number without bounds"
        return {}, RowFault(None, "json", f"not a line of JSON ({reason})")
    if not isinstance(parsed, dict):
        return {}, RowFault(None, "json", "not a JSON object")
    return parsed, None


def as_text(value: Any) -> str | None:
    """Return a field's value as text, so that the contract decides its type; null stays None.

    Objects and lists stay JSON, in which numbers remain numbers.
    """
    if value is None or type(value) is str:
        return value
    return plain(str(value)) if isinstance(value, Number) else encode(value)


def _field(item: dict[str, Any], headers: tuple[str, ...]) -> Any:
    """Return the value of the first of the headers that the object has; None if it has none."""
    if len(headers) == 1:
        return item.get(headers[0])
    return next((item[key] for key in headers if key in item), None)


# Most columns hold only these types and need no conversion.
_PLAIN = frozenset({str, type(None)})
