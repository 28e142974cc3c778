"""Reads and writes person files: Parquet, and CSV with common encodings and delimiters. All values are text or null."""

import codecs
import csv
import io
from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from pipelines.matching.errors import SourceFileError
from privacy.storage.atomic_file import public_draft

# Tried in this order: UTF-8 rejects other encodings, Korean spreadsheets write CP949, and Latin-1 accepts all bytes.
_ENCODINGS = ("utf-8-sig", "cp949", "latin-1")
_DELIMITERS = ",;\t|"
_SNIFFED = 64 * 1024


def read_person_file(path: Path) -> pd.DataFrame:
    """Return all rows of a person file; every column is text or null.

    A CSV file that mixes UTF-8 and CP949 is decoded line by line; `attrs["notes"]` of the frame then has a warning.

    Raises:
        SourceFileError: the file is missing or empty, has another extension, or cannot be parsed.

    """
    if not path.is_file():
        raise SourceFileError(f"{path}: no such file. Check the path.")
    kind = path.suffix.lower()
    try:
        if kind in (".parquet", ".pq"):
            return _as_text(pq.read_table(path))
        if kind in (".csv", ".tsv", ".txt"):
            return _read_csv(path)
    except (pa.ArrowInvalid, csv.Error) as error:
        raise SourceFileError(
            f"{path.name}: not a readable {kind[1:]} file: {error}. Repair the file or export it again."
        ) from None
    raise SourceFileError(
        f"{path.name}: expected .csv, .tsv or .parquet, got {kind or 'no extension'}. Export the file in one of them."
    )


def write_person_file(frame: pd.DataFrame, path: Path) -> None:
    """Write a person file as CSV (UTF-8) or Parquet; the extension decides which. It appears only when it is complete.

    Raises:
        SourceFileError: the extension is another one.
    """
    require_person_file_name(path)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with public_draft(path) as draft:
        if path.suffix.lower() == ".csv":
            pa_csv.write_csv(table, draft)
        else:
            pq.write_table(table, draft)


def require_person_file_name(path: Path) -> None:
    """Raise `SourceFileError` if `write_person_file` cannot write a file of this name."""
    if path.suffix.lower() not in (".csv", ".parquet", ".pq"):
        raise SourceFileError(f"{path.name}: the name of the output file must end in .csv or .parquet.")


def _read_csv(path: Path) -> pd.DataFrame:
    raw = path.read_bytes()
    if not raw.strip():
        raise SourceFileError(f"{path.name}: the file is empty; expected a header line and records.")
    text, notes = _decode(raw)
    header = text.lstrip("\ufeff").splitlines()[0]
    counts = {d: header.count(d) for d in _DELIMITERS}
    delimiter = max(counts, key=lambda d: counts[d]) if any(counts.values()) else ","
    names = next(csv.reader(io.StringIO(header), delimiter=delimiter))
    repeated = sorted({n for n in names if names.count(n) > 1})
    if repeated:
        raise SourceFileError(
            f"{path.name}: the header repeats {', '.join(repeated)}. Rename the columns so that all names differ."
        )
    table = pa_csv.read_csv(
        io.BytesIO(text.encode("utf-8")),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types={name: pa.string() for name in names}, strings_can_be_null=True, null_values=[""]
        ),
    )
    frame = _as_text(table)
    frame.attrs["notes"] = notes
    return frame


def _decode(raw: bytes) -> tuple[str, list[str]]:
    """Return the text of a file, and a warning if its lines have different encodings."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", errors="replace"), []
    for encoding in _ENCODINGS[:2]:
        try:
            return raw.decode(encoding), []
        except UnicodeDecodeError:
            continue
    lines = [_decode_line(line) for line in raw.split(b"\n")]
    used = Counter(encoding for text, encoding in lines if text.strip())
    counts = ", ".join(f"{used[e]} {e.removesuffix('-sig').upper()}" for e in _ENCODINGS if used[e])
    warning = (
        f"The file mixes encodings and was read line by line: {counts} lines. "
        "If names look wrong in the output, export the file again in UTF-8."
    )
    return "\n".join(text for text, _ in lines), [warning]


def _decode_line(line: bytes) -> tuple[str, str]:
    for encoding in _ENCODINGS[:-1]:
        try:
            return line.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return line.decode(_ENCODINGS[-1]), _ENCODINGS[-1]


def _as_text(table: pa.Table) -> pd.DataFrame:
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            raise SourceFileError(
                f"Column {name}: expected text, numbers or dates, got {column.type}. Remove or convert the column."
            )
        columns[name] = column.cast(pa.string()).to_pandas().astype(object)
    frame = pd.DataFrame(columns)
    return frame.where(frame.notna(), None)
