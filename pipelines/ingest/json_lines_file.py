"""Reads JSON Lines files, one object per line, in batches of bounded size. A missing field is null."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from installation.contract.document import Contract, FileFormat
from pipelines.ingest.batch import TEXT_BATCH_CHARACTERS, TEXT_BATCH_ROWS, RawBatch
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
        columns = {}
        for column in self.contract.columns:
            headers = column.headers
            if len(headers) == 1:
                values = [item.get(headers[0]) for item in objects]
            else:
                values = [next((item[key] for key in headers if key in item), None) for item in objects]
            if not _PLAIN.issuperset(map(type, values)):
                values = [as_text(value) for value in values]
            array = text_column(values, column.name, self.form.encoding, faults)
            columns[column.name] = blank_to_null(array, self.form.null_values)

        def raw(row: int) -> dict[str, Any]:
            return objects[row] or {WHOLE_TEXT: keep_bytes(texts[row], self.form.codec)}

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
        parsed = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "depth or number without bounds"
        return {}, RowFault(None, "json", f"not a line of JSON ({reason})")
    if not isinstance(parsed, dict):
        return {}, RowFault(None, "json", "not a JSON object")
    return parsed, None


def as_text(value: Any) -> str | None:
    """Return a field's value as text, so that the contract decides its type; null stays None."""
    if value is None or type(value) is str:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


# Most columns hold only these types and need no conversion.
_PLAIN = frozenset({str, type(None)})


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


# Numbers stay text until the contract gives them a type, so that 0.10 never becomes a binary number.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse_constant)
