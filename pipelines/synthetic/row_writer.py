"""Writes tables to a CSV or Parquet file as they come, so that any number of rows fits into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from installation.errors import SettingsError
from privacy.storage.atomic_file import public_draft

_WRITERS: dict[str, Callable[[Path, pa.Schema], Any]] = {".csv": pc.CSVWriter, ".parquet": pq.ParquetWriter}


def write_tables(tables: Sequence[pa.Table], paths: Sequence[Path]) -> None:
    """Write each table to its file.

    Raises:
        SettingsError: there is another number of files than of tables, or one is neither .csv nor .parquet.
    """
    if len(tables) != len(paths):
        raise SettingsError(f"expected {len(tables)} output files, got {len(paths)}; people with events need two")
    for table, path in zip(tables, paths, strict=True):
        with open_writer(path) as append:
            append(table)


@contextmanager
def open_writer(path: Path) -> Iterator[Callable[[pa.Table], None]]:
    """Yield a function that appends a table. The file appears when the block ends without an error.

    Raises:
        SettingsError: the file is neither .csv nor .parquet.
    """
    if path.suffix not in _WRITERS:
        raise SettingsError(f"{path.name} is neither .csv nor .parquet; name the file accordingly")
    with public_draft(path) as draft:
        writer: Any = None

        def append(table: pa.Table) -> None:
            nonlocal writer
            writer = writer or _WRITERS[path.suffix](draft, table.schema)
            writer.write_table(table)

        try:
            yield append
            if writer is None:
                raise SettingsError(f"{path.name} was not written, because there are no rows; ask for at least one row")
        finally:
            if writer is not None:
                writer.close()
