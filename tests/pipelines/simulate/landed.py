"""Reads the files of a simulation without the simulator's own code."""

import csv
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from installation.contract.built_in import BUILT_IN
from privacy.contract.collection import read_documents
from privacy.contract.document import Document

CONTRACTS = read_documents(BUILT_IN)
SOURCES = {
    document.id.removeprefix("source."): document
    for document in CONTRACTS.values()
    if document.layer == "source" and not document.collection
}
Row = dict[str, Any]
DAMAGED_CARD = "9.41001E+15"
"""A card number that lost its last digits in a spreadsheet; several rows have it."""


@dataclass(frozen=True)
class Landed:
    """The output folder of a simulation."""

    root: Path

    def files(self, source: str) -> list[Path]:
        return sorted((self.root / "landing").glob(SOURCES[source].file.path))

    def rows(self, source: str) -> list[Row]:
        """Return all rows of a source under the contract's column names; CSV values are text, blanks are None."""
        return [row for file in self.files(source) for row in read_file(file, SOURCES[source])]

    def count(self, source: str) -> int:
        """Return the number of rows of a source; the rows of Parquet files are counted by their metadata."""
        return sum(
            pq.read_metadata(file).num_rows if file.suffix == ".parquet" else len(read_file(file, SOURCES[source]))
            for file in self.files(source)
        )

    def frame(self, source: str) -> pd.DataFrame:
        return pd.DataFrame(self.rows(source))

    def clean(self, source: str) -> pd.DataFrame:
        """Return the rows of a source that keep their contract, without repetitions."""
        broken = self.dirt().query("breaks_contract and source == @source")["key"]
        frame = self.frame(source)
        key = SOURCES[source].primary_key
        return frame[~frame[key[0]].isin(set(broken))].drop_duplicates(list(key))

    def dirt(self) -> pd.DataFrame:
        return self.truth("dirt")

    def truth(self, name: str) -> pd.DataFrame:
        return _truth(self.root / "truth" / f"{name}.parquet")


@cache
def _truth(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path)


_READ: dict[Path, list[Row]] = {}


def read_file(path: Path, document: Document) -> list[Row]:
    """Return the rows of a file. Each file is read once in a session; tests must not change the rows."""
    if path not in _READ:
        _READ[path] = _read(path, document)
    return _READ[path]


def _read(path: Path, document: Document) -> list[Row]:
    assert document.file is not None
    names = {header: column.name for column in document.columns for header in (column.name, *column.headers)}
    if document.file.format == "csv":
        with path.open(encoding=document.file.codec, newline="") as file:
            rows = list(csv.DictReader(file, delimiter=document.file.delimiter))
    elif document.file.format == "jsonl":
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    else:
        rows = pq.read_table(path).to_pylist()
    return [{names.get(header, header): value for header, value in row.items()} for row in map(_nulls, rows)]


def _nulls(row: Row) -> Row:
    return {name: None if value == "" else value for name, value in row.items()}
