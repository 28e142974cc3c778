"""Writes data files of a Delta table before their commit; readers see them only after the commit.

The files are written by Arrow, not by Spark or by delta-rs. This bounds the memory, and repeated values stay
dictionary-encoded from the reader to the file.
"""

import datetime
import json
import math
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

GROUP_ROWS = 1 << 20
GROUP_BYTES = 1 << 27
FILE_ROWS = 1 << 22
FILE_BYTES = 1 << 29
# Longer texts would bloat the Delta log. Without a bound the reader cannot skip the file, which is still correct.
LONGEST_STATISTIC = 64
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class StagedFile:
    """A finished data file that is not committed yet.

    `path` is relative to the table's folder, `size` is in bytes. `minimums`, `maximums` and `null_counts` are
    statistics by column; a column without exact statistics is not in them.
    """

    path: str
    rows: int
    size: int
    partition_values: dict[str, str | None]
    minimums: dict[str, Any]
    maximums: dict[str, Any]
    null_counts: dict[str, int]

    def add_action(self, now: datetime.datetime) -> AddAction:
        """Return the Delta log entry that adds the file to the table; `now` is in UTC without a zone."""
        statistics = {
            "numRecords": self.rows,
            "minValues": _in_json(self.minimums),
            "maxValues": _in_json(self.maximums),
            "nullCount": self.null_counts,
        }
        milliseconds = int(now.replace(tzinfo=datetime.UTC).timestamp() * 1000)
        return AddAction(self.path, self.size, self.partition_values, milliseconds, True, json.dumps(statistics))

    def may_share_rows(self, other: "StagedFile") -> bool:
        """Return whether the two files could have a row in common: false if a column's ranges do not overlap."""
        for name, least in self.minimums.items():
            if (
                name.startswith("_")
                or name not in other.minimums
                or self.null_counts.get(name)
                or other.null_counts.get(name)
            ):
                continue
            if other.maximums[name] < least or self.maximums[name] < other.minimums[name]:
                return False
        return True


def _in_json(bounds: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in bounds.items():
        if isinstance(value, datetime.date | datetime.datetime):
            shown[name] = value.isoformat()
        else:
            shown[name] = value
    return shown


def create_folder(filesystem: pafs.FileSystem, folder: str) -> None:
    """Create a folder on a disk. An object store needs none, and would keep an empty object in its place."""
    if isinstance(filesystem, pafs.LocalFileSystem):
        filesystem.create_dir(folder, recursive=True)


@dataclass
class StagingArea:
    """Writes rows as data files in the folder of one table; `discard` removes them again.

    Attributes:
        filesystem: filesystem of the table.
        folder: the table's folder.
        partition_types: Arrow type of each partition column.
        uncompressed: columns to store without compression.
        sequential: columns of increasing integers, stored as differences.
        files: the finished files.
    """

    filesystem: pafs.FileSystem
    folder: str
    partition_types: dict[str, pa.DataType] = field(default_factory=dict)
    uncompressed: Sequence[str] = ()
    sequential: Sequence[str] = ()
    files: list[StagedFile] = field(default_factory=list)
    _waiting: list[pa.RecordBatch] = field(default_factory=list)
    _waiting_rows: int = 0
    _waiting_bytes: int = 0
    _writer: "_FileWriter | None" = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows. They are written to a file when enough rows have collected, or by `finish`."""
        if batch.num_rows == 0:
            return
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        self._waiting_bytes += batch.nbytes
        if self._waiting_rows >= GROUP_ROWS or self._waiting_bytes >= GROUP_BYTES:
            self._flush()

    def finish(self) -> list[StagedFile]:
        """Write the remaining rows, close the last file and return all files."""
        self._flush()
        self._close()
        return self.files

    def discard(self) -> None:
        """Delete all files of this staging area, finished or not."""
        self._take_waiting()
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        for file in self.files:
            self.filesystem.delete_file(f"{self.folder}/{file.path}")
        self.files = []

    def read(self, file: StagedFile, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a finished file, in order; with `columns`, only these and the partition columns."""
        with (
            self.filesystem.open_input_file(f"{self.folder}/{file.path}") as source,
            pq.ParquetFile(source, read_dictionary=_text_names(source)) as parquet,
        ):
            stored = [name for name in columns if name not in self.partition_types] if columns else None
            for batch in parquet.iter_batches(1 << 18, columns=stored):
                yield self._with_partition(batch, file)

    def _with_partition(self, batch: pa.RecordBatch, file: StagedFile) -> pa.RecordBatch:
        """Return the rows with the partition columns, whose values are in the path and not in the file."""
        for name, text in file.partition_values.items():
            value = pa.scalar(text, pa.string()).cast(self.partition_types[name])
            batch = batch.append_column(name, pa.repeat(value, batch.num_rows))
        return batch

    def _take_waiting(self) -> list[pa.RecordBatch]:
        waiting, self._waiting = self._waiting, []
        self._waiting_rows = self._waiting_bytes = 0
        return waiting

    def _flush(self) -> None:
        if not self._waiting:
            return
        table = pa.Table.from_batches(self._take_waiting()).unify_dictionaries()
        if self.partition_types:
            for values, part in _split(table, list(self.partition_types)):
                self._writer = self._open(table.schema, values)
                self._writer.write(part)
                self._close()
            return
        if self._writer is None:
            self._writer = self._open(table.schema, {})
        self._writer.write(table)
        if self._writer.rows >= FILE_ROWS or self._writer.bytes >= FILE_BYTES:
            self._close()

    def _open(self, schema: pa.Schema, values: dict[str, str | None]) -> "_FileWriter":
        stored = pa.schema([column for column in schema if column.name not in self.partition_types])
        return _FileWriter(self, stored, values)

    def _close(self) -> None:
        if self._writer is not None:
            self.files.append(self._writer.close())
            self._writer = None


class _FileWriter:
    """Writes one Parquet file of a staging area."""

    def __init__(self, staging: StagingArea, schema: pa.Schema, partition_values: dict[str, str | None]) -> None:
        self._staging = staging
        self._partition_values = partition_values
        folder = "".join(f"{name}={value or HIVE_NULL}/" for name, value in partition_values.items())
        self.path = f"{folder}part-00000-{uuid.uuid4()}-c000.zstd.parquet"
        if folder:
            create_folder(staging.filesystem, f"{staging.folder}/{folder}")
        self._schema = schema
        names = schema.names
        plain = {*staging.uncompressed, *staging.sequential}
        self._sink = staging.filesystem.open_output_stream(f"{staging.folder}/{self.path}")
        self._writer = pq.ParquetWriter(
            self._sink,
            schema,
            compression={name: "NONE" if name in staging.uncompressed else "ZSTD" for name in names},
            use_dictionary=[name for name in names if name not in plain],
            # Bounds of technical columns would not help any reader to skip files.
            write_statistics=[name for name in names if not name.startswith("_")],
            column_encoding=dict.fromkeys(staging.sequential, "DELTA_BINARY_PACKED"),
            # Readers must see text as text, not as the dictionary type that it had in memory.
            store_schema=False,
            coerce_timestamps="us",
        )
        self.rows = 0
        self.bytes = 0

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table.select(self._schema.names), row_group_size=GROUP_ROWS)
        self.rows += table.num_rows
        self.bytes += table.nbytes

    def abandon(self) -> None:
        """Delete the file, finished or not. It does not close the writer, because that fails on a full disk."""
        self._writer.is_open = False
        with suppress(OSError):
            self._sink.close()
        with suppress(FileNotFoundError):
            self._staging.filesystem.delete_file(f"{self._staging.folder}/{self.path}")

    def close(self) -> StagedFile:
        self._writer.close()
        self._sink.close()
        full_path = f"{self._staging.folder}/{self.path}"
        info = self._staging.filesystem.get_file_info(full_path)
        with self._staging.filesystem.open_input_file(full_path) as source:
            minimums, maximums, nulls = _statistics(pq.read_metadata(source))
        return StagedFile(self.path, self.rows, info.size, self._partition_values, minimums, maximums, nulls)


def _statistics(metadata: pq.FileMetaData) -> tuple[dict[str, Any], dict[str, Any], dict[str, int]]:
    """Return minimum, maximum and number of nulls of each column over all row groups; only exact bounds."""
    minimums: dict[str, Any] = {}
    maximums: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    for position in range(metadata.num_columns):
        columns = [metadata.row_group(group).column(position) for group in range(metadata.num_row_groups)]
        name = metadata.schema.column(position).name
        known = [column.statistics for column in columns if column.statistics is not None]
        if len(known) < len(columns) or not all(one.has_null_count for one in known):
            continue
        nulls[name] = sum(one.null_count for one in known)
        bounded = [one for one in known if one.has_min_max]
        if bounded and all(one.has_min_max or one.null_count == one.num_values for one in known):
            least, most = min(one.min for one in bounded), max(one.max for one in bounded)
            if _is_exact(least) and _is_exact(most):
                minimums[name], maximums[name] = least, most
    return minimums, maximums, nulls


def _is_exact(bound: Any) -> bool:
    if isinstance(bound, bool | bytes | Decimal):
        return False
    if isinstance(bound, float):
        return math.isfinite(bound)
    if isinstance(bound, str):
        return len(bound) <= LONGEST_STATISTIC
    if isinstance(bound, datetime.datetime):
        # Spark reads bounds of timestamps to the millisecond only.
        return bound.microsecond % 1000 == 0
    return isinstance(bound, int | datetime.date)


def _split(table: pa.Table, names: Sequence[str]) -> Iterator[tuple[dict[str, str | None], pa.Table]]:
    """Split a table by its partition values. Yield the values as Delta writes them (None for null), and the rows."""
    name, rest = names[0], names[1:]
    for value in pc.unique(table.column(name)):
        column = table.column(name)
        chosen = pc.is_null(column) if not value.is_valid else pc.equal(column, value)
        part = table.filter(chosen)
        text = str(value.as_py()) if value.is_valid else None
        if not rest:
            yield {name: text}, part
            continue
        for inner, piece in _split(part, rest):
            yield {name: text, **inner}, piece


def _text_names(source: pa.NativeFile) -> list[str]:
    schema = pq.read_schema(source)
    source.seek(0)
    return [column.name for column in schema if pa.types.is_string(column.type)]
