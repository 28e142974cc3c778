"""Reads the first rows of a file without a contract: finds format, encoding and delimiter, and the values by header."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from privacy.errors import PrivacyError

SAMPLE_ROWS = 20_000
# Enough for 20,000 wide rows. It also limits the memory that a file without line ends can take.
SAMPLE_BYTES = 32 * 1024 * 1024
DELIMITERS = ",;\t|"
_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


class DraftError(PrivacyError):
    """The file cannot be read, so no contract can be drafted from it."""


@dataclass(frozen=True)
class SampleColumn:
    """The values of one column as read: CSV texts, JSON values, or Parquet values of type `arrow_type`."""

    header: str
    values: tuple[Any, ...]
    arrow_type: Any = None


@dataclass(frozen=True)
class Sample:
    """The first rows of a file, by column, with the file's format. `is_whole`: the sample is the whole file."""

    format: str
    columns: tuple[SampleColumn, ...]
    rows: int
    encoding: str | None = None
    delimiter: str | None = None
    is_whole: bool = True


def read_sample(path: Path) -> Sample:
    """Read the first rows of a CSV, JSON Lines or Parquet file; first bytes and suffix decide the format.

    Raises:
        DraftError: the file is missing, empty, of another format or broken.
    """
    if not path.is_file():
        raise DraftError(f"File {path} does not exist. Give the path of a CSV, Parquet or JSON Lines file.")
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise DraftError(f"{path} is empty. Give a file with a header and at least one row.")
    if start == b"PAR1" or path.suffix.lower() == ".parquet":
        return _read_parquet(path)
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        expected = ", ".join([*_SUFFIXES, ".parquet"])
        raise DraftError(f"{path} has the unknown suffix {suffix or 'none'}. Convert it to one of {expected}.")
    text, encoding, is_whole = _read_text(path)
    if _SUFFIXES[suffix] == "jsonl":
        return _read_json_lines(path, text, encoding, is_whole)
    return _read_csv(path, text, encoding, is_whole)


def _read_text(path: Path) -> tuple[str, str, bool]:
    with path.open("rb") as file:
        content = file.read(SAMPLE_BYTES + 1)
    is_whole = len(content) <= SAMPLE_BYTES
    content = content[:SAMPLE_BYTES]
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DraftError(f"{path} is encoded in UTF-16. Convert it to UTF-8.")
    encodings = ("UTF-8-BOM",) if content.startswith(codecs.BOM_UTF8) else ("UTF-8", "CP949")
    for encoding in encodings:
        codec = "utf-8-sig" if encoding == "UTF-8-BOM" else encoding
        try:
            # A sample may end in the middle of a character; a whole file must not.
            text = codecs.getincrementaldecoder(codec)().decode(content, final=is_whole)
        except UnicodeDecodeError:
            continue
        return text, encoding, is_whole
    raise DraftError(f"{path} is encoded neither in UTF-8 nor in CP949. Convert it to UTF-8.")


def _read_csv(path: Path, text: str, encoding: str, is_whole: bool) -> Sample:
    delimiter = _find_delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) > SAMPLE_ROWS:
                break
    except csv.Error as error:
        message = f"{path} is not a valid CSV file: line {reader.line_num}: {error}. Correct the line."
        raise DraftError(message) from error
    if not is_whole and len(rows) <= SAMPLE_ROWS:
        rows = rows[:-1]  # The last row of a sample may be incomplete.
    if len(rows) < 2:
        raise DraftError(f"{path} has {len(rows)} lines. Give a file with a header and at least one row.")
    headers, body = [header.strip() for header in rows[0]], rows[1:]
    repeated = [header for header, count in Counter(headers).items() if count > 1]
    if repeated:
        raise DraftError(f"{path} repeats the header of {len(repeated)} columns. Give each column its own header.")
    # Ingest quarantines rows with another number of fields, so they are not used as evidence.
    body = [row for row in body if len(row) == len(headers)]
    columns = tuple(SampleColumn(header, tuple(row[index] for row in body)) for index, header in enumerate(headers))
    return Sample("csv", columns, len(body), encoding, delimiter, is_whole and len(rows) <= SAMPLE_ROWS)


def _find_delimiter(text: str) -> str:
    """Return the delimiter that splits most lines into the same number of fields; on a tie, into most fields."""

    def score(delimiter: str) -> tuple[float, int]:
        rows = csv.reader(io.StringIO(text[:100_000], newline=""), delimiter=delimiter)
        widths = [len(row) for row, _ in zip(rows, range(200), strict=False) if row]
        width, count = Counter(widths).most_common(1)[0] if widths else (1, 1)
        return (round(count / max(len(widths), 1), 1) if width > 1 else 0.0, width)

    return max(DELIMITERS, key=score)


def _read_json_lines(path: Path, text: str, encoding: str, is_whole: bool) -> Sample:
    lines = text.split("\n")
    if not is_whole:
        lines = lines[:-1]
    records: list[dict[str, Any]] = []
    for number, line in enumerate(lines[:SAMPLE_ROWS], start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            message = f"{path} line {number} is not JSON: {error.msg} at character {error.pos}. Correct the line."
            raise DraftError(message) from error
        if not isinstance(record, dict):
            kind = type(record).__name__
            raise DraftError(f"{path} line {number} is a JSON {kind}. Write one JSON object per line.")
        records.append(record)
    if not records:
        raise DraftError(f"{path} has no records. Write one JSON object per line.")
    headers = dict.fromkeys(header for record in records for header in record)
    columns = tuple(SampleColumn(header, tuple(record.get(header) for record in records)) for header in headers)
    return Sample("jsonl", columns, len(records), encoding, None, is_whole and len(lines) <= SAMPLE_ROWS)


def _read_parquet(path: Path) -> Sample:
    try:
        with pq.ParquetFile(path) as file:
            schema, total = file.schema_arrow, file.metadata.num_rows
            batch = next(file.iter_batches(batch_size=SAMPLE_ROWS), None)
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DraftError(f"{path} is not a complete Parquet file: {reason}. Export it again.") from error
    columns = tuple(
        SampleColumn(field.name, () if batch is None else tuple(batch.column(index).to_pylist()), field.type)
        for index, field in enumerate(schema)
    )
    if not columns:
        raise DraftError(f"{path} has no columns. Export it again.")
    rows = 0 if batch is None else batch.num_rows
    return Sample("parquet", columns, rows, is_whole=rows == total)
