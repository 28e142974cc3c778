"""Reads Parquet files in batches of bounded size. The line of a row is its number in the file, from 1."""

import math
from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from installation.contract.document import Contract
from pipelines.ingest.batch import RawBatch
from pipelines.ingest.byte_stream import open_seekable
from pipelines.ingest.drift import DriftEvent
from pipelines.ingest.exact_json import Number
from pipelines.ingest.fault import FileFaultError, RowFault, RowFaults
from pipelines.ingest.header import Header, match_header
from pipelines.ingest.landing import LandedFile
from pipelines.ingest.text_lines import keep_bytes

BATCH_ROWS = 1 << 18
# Text columns whose dictionary is smaller than this stay encoded, so that each distinct value is checked once.
SMALL_DICTIONARY_BYTES = 1 << 16


class ParquetFile:
    """Reads one Parquet file of a source."""

    def __init__(self, file: LandedFile, contract: Contract) -> None:
        self.file = file
        self.contract = contract
        self.notes: tuple[str, ...] = ()
        self.drift: tuple[DriftEvent, ...] = ()

    def batches(self) -> Iterator[RawBatch]:
        """Yield the file's rows in batches.

        Raises:
            FileFaultError: the file as a whole cannot be loaded.

        """
        if self.file.size == 0:
            raise FileFaultError("empty", "the file is empty (0 bytes); nothing can be loaded from it")
        content = open_seekable(self.file.path, self.file.member)
        try:
            with pq.ParquetFile(content) as probe:
                header = match_header(probe.schema_arrow.names, self.contract, self.file.name)
                encoded = _small_dictionaries(probe)
            self.notes, self.drift = header.notes, header.drift
            # Nanoseconds, the default for INT96, would turn times after the year 2262 into others.
            with pq.ParquetFile(content, read_dictionary=encoded, coerce_int96_timestamp_unit="us") as file:
                yield from self._read(file, header)
        except (pa.ArrowInvalid, OSError) as error:
            detail = str(error).splitlines()[0]
            place = _find_damage(content)
            reason = f"the file is not a complete Parquet file ({detail}{place}); send it again"
            raise FileFaultError("unreadable", reason) from error

    def _read(self, file: pq.ParquetFile, header: Header) -> Iterator[RawBatch]:
        names = {header.names[position]: name for name, position in header.positions.items()}
        done = 0
        groups = np.cumsum([file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)])
        for batch in file.iter_batches(BATCH_ROWS, columns=list(names)):
            faults = RowFaults.none(batch.num_rows)
            shown, columns = batch, {}
            for place, field in enumerate(batch.schema.names):
                columns[names[field]], raw = _valid_text(batch.column(place), names[field], faults)
                if raw is not None:
                    shown = shown.set_column(place, field, raw)
            lines = np.arange(done + 1, done + batch.num_rows + 1, dtype=np.int64)
            group = int(np.searchsorted(groups, done, side="right")) + 1
            yield RawBatch(columns, lines, _raw(shown), faults, f"row group {group}")
            done += batch.num_rows


def _valid_text(values: pa.Array, name: str, faults: RowFaults) -> tuple[pa.Array, pa.Array | None]:
    """Return a column without texts that are not UTF-8, whose rows are marked; then also the column's bytes."""
    is_text = pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
    if not is_text and not pa.types.is_dictionary(values.type):
        return values, None
    try:
        (values if is_text else values.dictionary).validate(full=True)
    except pa.ArrowInvalid:
        raw = (values if is_text else values.dictionary_decode()).cast(pa.binary())
        wrong = np.array([value is not None and not _is_utf8(value) for value in raw.to_pylist()])
        faults.mark(wrong, RowFault(name, "encoding", "the bytes are not UTF-8"))
        return pc.if_else(pa.array(wrong), pa.scalar(None, pa.binary()), raw).cast(pa.string()), raw
    return values, None


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _find_damage(content: Path | BinaryIO) -> str:
    """Return the first row group and column that cannot be read, as part of a message; empty if none is found."""
    try:
        with pq.ParquetFile(content) as file:
            for group, name in product(range(file.num_row_groups), file.schema_arrow.names):
                try:
                    file.read_row_group(group, columns=[name])
                except (pa.ArrowException, OSError, ValueError):
                    return f"; row group {group + 1}, column {name}"
    except (pa.ArrowException, OSError, ValueError):
        pass
    return ""


def _raw(batch: pa.RecordBatch) -> Any:
    return lambda row: {name: _shown(batch.column(name)[row]) for name in batch.schema.names}


def _shown(value: pa.Scalar) -> Any:
    """Return a value as quarantine stores it: text or bytes from which it can be read again; null is None."""
    try:
        found = value.as_py()
    except (ValueError, OverflowError):
        # A time that Python cannot hold.
        return f"{value.value} {value.type}"
    if isinstance(found, bytes):
        return keep_bytes(found.decode("utf-8", "surrogateescape"), "utf-8")
    if isinstance(found, int | float | Decimal) and not isinstance(found, bool) and math.isfinite(found):
        return Number(found)
    return None if found is None else str(found)


def _small_dictionaries(file: pq.ParquetFile) -> list[str]:
    """Return the names of text columns that every row group stores with a small dictionary."""
    found = []
    metadata = file.metadata
    for position, field in enumerate(file.schema_arrow):
        if not pa.types.is_string(field.type) or metadata.num_columns != len(file.schema_arrow):
            continue
        groups = [metadata.row_group(group).column(position) for group in range(metadata.num_row_groups)]
        if all(
            group.has_dictionary_page and group.data_page_offset - group.dictionary_page_offset < SMALL_DICTIONARY_BYTES
            for group in groups
        ):
            found.append(field.name)
    return found
