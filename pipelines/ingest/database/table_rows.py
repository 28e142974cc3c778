"""Reads the rows of a database table as batches of text, and the keys that the table has now."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from installation.contract.document import Contract
from pipelines.ingest.batch import RawBatch
from pipelines.ingest.bronze import BronzeTable
from pipelines.ingest.database.connection import UNREACHABLE, Database
from pipelines.ingest.database.cursor import Cursor
from pipelines.ingest.drift import DriftEvent, suggest_renames
from pipelines.ingest.fault import FileFaultError, RowFaults
from pipelines.ingest.header import find_positions, match_header
from privacy.contract.document import DatabaseTable


class TableRows:
    """Reads the rows that are new or changed since the last load, or all rows of a table without a cursor.

    Only columns of the contract are read. `mark` is the newest cursor of the rows, once all batches were read.
    """

    def __init__(self, contract: Contract, origin: DatabaseTable, database: Database, table: BronzeTable) -> None:
        """Find the table's columns.

        Raises:
            FileFaultError: there is no such table, a required column is missing, or the cursor cannot order rows.
        """
        self.contract, self.origin, self.database = contract, origin, database
        self.kinds = database.fields()
        if not self.kinds:
            raise FileFaultError(
                UNREACHABLE,
                f"there is no table {origin.name} that the user may see; "
                "correct physicalName or schema in the contract, or grant SELECT",
            )
        self.fields = _fields_of(contract, list(self.kinds), origin.name)
        header = match_header(_wanted(contract, list(self.kinds)), contract, origin.name)
        self.notes: tuple[str, ...] = header.notes
        self.drift: tuple[DriftEvent, ...] = header.drift
        self.cursor = self._cursor()
        self.before = None if self.cursor is None else self.cursor.mark(table)
        self.mark = self.before

    def batches(self) -> Iterator[RawBatch]:
        """Yield the rows in batches. The line of a row is its number in this fetch, from 1.

        Raises:
            FileFaultError: the database failed.
        """
        done = 0
        for batch in self.database.batches(self._query(), self._schema()):
            if self.cursor is not None:
                newest = pc.max(batch.column(batch.num_columns - 1)).as_py()
                self.mark = max((mark for mark in (self.mark, newest) if mark is not None), default=None)
            yield _raw_batch(batch, self.fields, done)
            done += batch.num_rows

    def present_keys(self) -> Iterator[RawBatch]:
        """Yield the primary keys of all rows that the table has now, in batches."""
        fields = {name: self.fields[name] for name in self.contract.primary_key}
        query = f"SELECT {self._texts(list(fields.values()))} FROM {self.database.table}"
        schema = pa.schema([(name, pa.string()) for name in fields])
        done = 0
        for batch in self.database.batches(query, schema):
            yield _raw_batch(batch, fields, done)
            done += batch.num_rows

    def new_mark(self, now: datetime.datetime, zone: datetime.tzinfo) -> tuple[str, int] | None:
        """Return key and value of the mark to store; None if it is unchanged. A value in the future counts as now."""
        if self.cursor is None or self.mark is None:
            return None
        latest = self.cursor.latest(now, zone)
        mark = self.mark if latest is None else min(self.mark, latest)
        return None if self.before is not None and mark <= self.before else (self.cursor.key, mark)

    def _cursor(self) -> Cursor | None:
        if self.origin.cursor is None:
            return None
        field = self.fields[self.origin.cursor]
        kind = self.database.cursor_kind(self.kinds[field])
        if kind is None:
            raise FileFaultError(
                "cursor",
                f"the cursor {field} has the type {self.kinds[field]} in the database; "
                "expected an integer, a date or a time: name another column, or remove cursor to read the whole table",
                column=self.origin.cursor,
            )
        return Cursor.of(self.origin, field, kind)

    def _schema(self) -> pa.Schema:
        schema = pa.schema([(name, pa.string()) for name in self.fields])
        return schema if self.cursor is None else schema.append(pa.field("_cursor", pa.int64()))

    def _texts(self, fields: Sequence[str]) -> str:
        return ", ".join(self.database.text(field, self.kinds[field]) for field in fields)

    def _query(self) -> str:
        selected, cursor = self._texts(list(self.fields.values())), self.cursor
        if cursor is None:
            return f"SELECT {selected} FROM {self.database.table}"
        query = f"SELECT {selected}, {self.database.number(cursor.column, cursor.kind)} FROM {self.database.table}"
        if self.before is None:
            return query
        name = self.database.quoted(cursor.column)
        start = self.database.literal(cursor.start(self.before, self.origin.lookback), cursor.kind)
        # A row without a cursor could be new at any time.
        return f"{query} WHERE {name} >= {start} OR {name} IS NULL"


def _fields_of(contract: Contract, names: list[str], table: str) -> dict[str, str]:
    """Return the table's column of each contract column that it has.

    Raises:
        FileFaultError: the cursor or a column of the primary key is missing.
    """
    positions, _ = find_positions(names, contract)
    needed = [*contract.primary_key]
    if not needed:
        raise FileFaultError("primary_key", "the contract has no primaryKey; a database table needs one")
    if contract.file is not None and isinstance(contract.file.origin, DatabaseTable) and contract.file.origin.cursor:
        needed.append(contract.file.origin.cursor)
    for name in needed:
        if name not in positions:
            header = next((column.header for column in contract.columns if column.name == name), name)
            raise FileFaultError("missing_column", f"column {header} is missing in {table}", column=name)
    return {column.name: names[positions[column.name]] for column in contract.columns if column.name in positions}


def _wanted(contract: Contract, names: list[str]) -> list[str]:
    """Return the table's columns that the contract names, and those that may be new names of missing ones.

    Other columns are not read and no difference from the contract: it states which part of the table is processed.
    """
    positions, _ = find_positions(names, contract)
    missing = [column for column in contract.columns if column.name not in positions]
    known = set(positions.values())
    extra = [name for place, name in enumerate(names) if place not in known]
    renamed = suggest_renames(missing, extra).values()
    return [name for place, name in enumerate(names) if place in known or name in renamed]


def _raw_batch(batch: pa.RecordBatch, fields: dict[str, str], done: int) -> RawBatch:
    columns = {name: batch.column(name) for name in fields}

    def raw(row: int) -> dict[str, Any]:
        return {field: columns[name][row].as_py() for name, field in fields.items()}

    lines = np.arange(done + 1, done + batch.num_rows + 1, dtype=np.int64)
    return RawBatch(columns, lines, raw, RowFaults.none(batch.num_rows))
