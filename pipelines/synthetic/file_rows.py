"""Reads the columns of a specification from a CSV or Parquet file, or from the folder of a Delta table."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.dataset as ds

from installation.errors import SettingsError

_BLOCK = 1 << 20


def read_file(path: Path, columns: Sequence[str], delimiter: str = ",") -> pa.Table:
    """Return the columns of a file; those of a CSV file are text, and an empty cell is null.

    Raises:
        SettingsError: the file cannot be read, or lacks a column. The message contains no value.
    """
    try:
        known = _read_names(path, delimiter)
        if absent := [name for name in columns if name not in known]:
            raise SettingsError(f"{path.name} has no columns {absent}; it has {known}")
        return _read(path, columns, delimiter)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError, FileNotFoundError) as error:
        raise SettingsError(
            f"{path.name} cannot be read as {_form(path)}; check --delimiter and quotes, or convert it"
        ) from error


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


def _form(path: Path) -> str:
    if path.is_dir():
        return "the folder of a Delta table or of Parquet files"
    return "a Parquet file" if path.suffix == ".parquet" else "a CSV file in UTF-8 with one header line"


def _read_names(path: Path, delimiter: str) -> list[str]:
    if (path / "_delta_log").is_dir():
        from deltalake import DeltaTable

        return [field.name for field in DeltaTable(str(path)).schema().fields]
    if path.is_dir() or path.suffix == ".parquet":
        return list(ds.dataset(path, format="parquet").schema.names)
    if len(delimiter) != 1:
        raise SettingsError(f"--delimiter is {delimiter!r}; give one character, such as ';'")
    with pc.open_csv(path, parse_options=pc.ParseOptions(delimiter=delimiter)) as reader:
        return list(reader.schema.names)


def _read(path: Path, columns: Sequence[str], delimiter: str) -> pa.Table:
    if (path / "_delta_log").is_dir():
        from deltalake import DeltaTable

        from installation.lakehouse.rows import quoted, select

        return select(DeltaTable(str(path)), quoted(columns))
    if path.is_dir() or path.suffix == ".parquet":
        return ds.dataset(path, format="parquet").to_table(columns=list(columns))
    return pc.read_csv(
        path,
        parse_options=pc.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pc.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            include_columns=list(columns),
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
