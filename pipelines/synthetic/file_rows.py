"""Reads the columns of a specification from a CSV or Parquet file, or from the folder of a Delta table."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.dataset as ds

from installation.errors import SettingsError

_BLOCK = 1 << 20
_FAULT = re.compile(r"In CSV column #(\d+): ")
_FORMS = {
    pa.float64(): "numbers such as 1234.5",
    pa.date32(): "dates such as 2026-01-31",
    pa.timestamp("us"): "moments such as 2026-01-31 13:45:00, without a zone",
    pa.time32("s"): "times such as 13:45:00",
}


@dataclass(frozen=True)
class CsvForm:
    """How CSV files are written: the delimiter, and texts that mean null beside the empty cell."""

    delimiter: str = ","
    nulls: Sequence[str] = ()

    @property
    def parsing(self) -> pc.ParseOptions:
        """The options for Arrow's parser.

        Raises:
            SettingsError: the delimiter is not one character.
        """
        delimiter = "\t" if self.delimiter == "\\t" else self.delimiter
        if len(delimiter) != 1:
            raise SettingsError(f"--delimiter is {self.delimiter!r}; give one character, such as ';', or \\t for tabs")
        return pc.ParseOptions(delimiter=delimiter, newlines_in_values=True)


def read_file(path: Path, columns: Mapping[str, pa.DataType], form: CsvForm) -> pa.Table:
    """Return columns of a file. Those of a CSV file are read as the given types; other files have types of their own.

    Raises:
        SettingsError: the file cannot be read, lacks a column, or a column holds other values. No message has a value.
    """
    known: list[str] = []
    try:
        known = _read_names(path, form)
        if absent := [name for name in columns if name not in known]:
            raise SettingsError(f"{path.name} has no columns {absent}; it has {known}")
        if doubled := [name for name in columns if known.count(name) > 1]:
            raise SettingsError(f"{path.name} has several columns {doubled}; rename all but one of each")
        return _read(path, columns, form)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError, FileNotFoundError) as error:
        raise SettingsError(f"{path.name}: {_reason(str(error), path, known, columns)}") from error


def estimate_rows(path: Path, form: CsvForm) -> int:
    """Return about how many rows a file has: exactly, or for CSV from its size and the length of its first lines."""
    if path.is_dir() or path.suffix == ".parquet":
        return int(ds.dataset(path, format="parquet").count_rows())
    with path.open("rb") as file:
        start = file.read(_BLOCK)
    return round(path.stat().st_size / max(1, len(start)) * max(1, start.count(b"\n")))


def fingerprint(path: Path, key: bytes) -> str:
    """Return the keyed hash of a file's content, by which the same file is recognised."""
    whole = hmac.new(key, b"synthetic input", hashlib.sha256)
    for part in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if part.is_dir():
            continue
        whole.update(str(part.relative_to(path)).encode() + b"\0")
        with part.open("rb") as file:
            while block := file.read(_BLOCK):
                whole.update(block)
    return whole.hexdigest()


def _reason(fault: str, path: Path, known: Sequence[str], columns: Mapping[str, pa.DataType]) -> str:
    """Return the reason of Arrow's error without the value that it quotes. Its numbers count the file's columns."""
    found = _FAULT.search(fault)
    name = known[int(found[1])] if found is not None and int(found[1]) < len(known) else None
    if name is not None and name in columns:
        expected = _FORMS.get(columns[name], "text in UTF-8")
        return f"the column {name} holds another value than {expected}; convert it, or name its nulls with --null"
    if path.is_dir():
        return "expected the folder of a Delta table or of Parquet files"
    if path.suffix == ".parquet":
        return "it cannot be read as a Parquet file"
    return "it cannot be read as CSV in UTF-8 with a line of column names; check --delimiter and quotes, or convert it"


def _read_names(path: Path, form: CsvForm) -> list[str]:
    if (path / "_delta_log").is_dir():
        from deltalake import DeltaTable

        return [field.name for field in DeltaTable(str(path)).schema().fields]
    if path.is_dir() or path.suffix == ".parquet":
        return list(ds.dataset(path, format="parquet").schema.names)
    with pc.open_csv(path, parse_options=form.parsing) as reader:
        return list(reader.schema.names)


def _read(path: Path, columns: Mapping[str, pa.DataType], form: CsvForm) -> pa.Table:
    if (path / "_delta_log").is_dir():
        from deltalake import DeltaTable

        from installation.lakehouse.rows import quoted, select

        return select(DeltaTable(str(path)), quoted(list(columns)))
    if path.is_dir() or path.suffix == ".parquet":
        return ds.dataset(path, format="parquet").to_table(columns=list(columns))
    options = pc.ConvertOptions(
        column_types=dict(columns), include_columns=list(columns), strings_can_be_null=True,
        null_values=["", *form.nulls],
    )  # fmt: skip
    return pc.read_csv(path, parse_options=form.parsing, convert_options=options)
