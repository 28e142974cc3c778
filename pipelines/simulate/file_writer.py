"""Writes rows as CSV, JSON Lines or Parquet; the same rows give the same bytes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.simulate.random_stream import Ints
from pipelines.simulate.records import Records


@dataclass(frozen=True)
class CsvStyle:
    """How a system writes CSV: encoding, delimiter, and its headers for the contract's columns (empty: their names)."""

    encoding: str = "utf-8"
    delimiter: str = ","
    headers: tuple[str, ...] = ()


def write_csv(path: Path, records: Records, style: CsvStyle) -> Ints:
    """Write a CSV file, and return the line of the file on which each row begins."""
    columns = [_quote(text, style.delimiter) for text in _texts(records, " ").values()]
    lines = _join(columns, style.delimiter, null_handling="replace")
    header = style.delimiter.join(style.headers or tuple(records.frame.columns))
    path.write_bytes("\n".join([header, *lines, ""]).encode(style.encoding))
    heights = np.array([1 + line.count("\n") for line in lines], dtype=np.int64)
    return 2 + np.cumsum(heights) - heights


def write_json_lines(path: Path, records: Records) -> Ints:
    """Write a JSON Lines file without null fields, and return the line of each row."""
    wrong = {(override.row, override.column) for override in records.overrides}
    columns = []
    for name, text in _texts(records, "T").items():
        is_text = records.frame[name].dtype == object or records.frame[name].dtype.kind == "M"
        literal = _json_text(text) if is_text else _quote_overrides(text, records.frame.index, name, wrong)
        columns.append(pc.binary_join_element_wise(f'"{name}": ', literal, ""))
    lines = _join(columns, ", ", null_handling="skip")
    path.write_bytes("".join("{" + line + "}\n" for line in lines).encode())
    return np.arange(len(lines)) + 1


def write_parquet(path: Path, records: Records) -> Ints:
    """Write a Parquet file (timestamps in microseconds), and return the number of each row, from 1."""
    frame = records.frame.copy()
    for override in records.overrides:
        if override.row in frame.index:
            frame.loc[override.row, override.column] = override.value
    columns = {name: arrow_column(frame[name]) for name in frame.columns}
    pq.write_table(pa.table(columns), path, compression="snappy")
    return np.arange(len(frame)) + 1


def arrow_column(column: pd.Series) -> pa.Array:
    """Return a column as an Arrow array: objects as text even if all are null, times in microseconds."""
    if column.dtype == object:
        return pa.array(column, pa.string(), from_pandas=True)
    array = pa.Array.from_pandas(column)
    return array.cast(pa.timestamp("us")) if pa.types.is_timestamp(array.type) else array


def _texts(records: Records, separator: str) -> dict[str, pa.Array]:
    """Return every column as text, with the forbidden values of `overrides`."""
    texts = {name: _text(records.frame[name], separator) for name in records.frame.columns}
    place = pd.Index(records.frame.index)
    for name in {override.column: None for override in records.overrides}:
        values = texts[name].to_pylist()
        for override in records.overrides:
            if override.column == name and override.row in place:
                values[place.get_loc(override.row)] = override.value
        texts[name] = pa.array(values, pa.string())
    return texts


def _text(column: pd.Series, separator: str) -> pa.Array:
    array = pa.Array.from_pandas(column)
    if pa.types.is_timestamp(array.type):
        text = array.cast(pa.timestamp("s")).cast(pa.string())
        return pc.replace_substring(text, " ", separator) if separator != " " else text
    return array.cast(pa.string())


def _quote(text: pa.Array, delimiter: str) -> pa.Array:
    """Return the fields, with quotes around those that contain a quote, a delimiter or a line break (RFC 4180)."""
    needs = pc.match_substring_regex(text, f'["\n{delimiter}]')
    if not pc.any(needs).as_py():
        return text
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', "")
    return pc.if_else(needs, quoted, text)


def _json_text(text: pa.Array) -> pa.Array:
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n")):
        text = pc.replace_substring(text, plain, escaped)
    return pc.binary_join_element_wise('"', text, '"', "")


def _quote_overrides(text: pa.Array, index: pd.Index, name: str, wrong: set[tuple[int, str]]) -> pa.Array:
    """Return the column with quotes around forbidden values of a number, so that the line is still valid JSON."""
    rows = [index.get_loc(row) for row, column in sorted(wrong) if column == name and row in index]
    if not rows:
        return text
    values = text.to_pylist()
    for row in rows:
        values[row] = None if values[row] is None else f'"{values[row]}"'
    return pa.array(values, pa.string())


def _join(columns: list[pa.Array], separator: str, null_handling: str) -> list[str]:
    joined = pc.binary_join_element_wise(*columns, separator, null_handling=null_handling, null_replacement="")
    return joined.to_pylist()  # type: ignore[no-any-return]
