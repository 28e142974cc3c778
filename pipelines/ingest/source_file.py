"""Chooses the reader of a landed file, and turns what goes wrong in one file into a fault of that file."""

import csv
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from lzma import LZMAError
from typing import Protocol, TypeVar

import pyarrow as pa

from installation.contract.document import Contract
from pipelines.ingest.batch import RawBatch
from pipelines.ingest.csv_file import CsvFile
from pipelines.ingest.drift import DriftEvent
from pipelines.ingest.excel_file import ExcelFile
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.json_lines_file import JsonFile
from pipelines.ingest.landing import LandedFile
from pipelines.ingest.parquet_file import ParquetFile

# What the libraries raise for content that they cannot hold or read. Errors of the disk are not among them, because
# the next file would meet them, too.
CONTENT_ERRORS = (
    ValueError,  # also UnicodeError, ArrowInvalid
    ArithmeticError,  # also OverflowError
    LookupError,
    RecursionError,
    MemoryError,
    NotImplementedError,
    TypeError,
    EOFError,
    pa.ArrowException,
    csv.Error,
    struct.error,
    zlib.error,
    LZMAError,
    zipfile.BadZipFile,
)


T = TypeVar("T")


class SourceFile(Protocol):
    """A reader of one landed file. `notes` and `drift` are complete after the last batch."""

    notes: tuple[str, ...]
    drift: tuple[DriftEvent, ...]

    def batches(self) -> Iterator[RawBatch]:
        """Yield the file's rows in batches."""


def open_source(file: LandedFile, contract: Contract, max_line: int) -> SourceFile:
    """Return a reader of the file for the format that the contract states. The contract must name files."""
    form = contract.file
    assert form is not None
    if form.format == "parquet":
        return ParquetFile(file, contract)
    if form.format == "xlsx":
        return ExcelFile(file, contract, form)
    if form.format in ("json", "jsonl"):
        return JsonFile(file, contract, form, max_line)
    return CsvFile(file, contract, form, max_line)


def read_safely(source: SourceFile) -> Iterator[RawBatch]:
    """Yield the batches of a reader.

    Raises:
        FileFaultError: the file cannot be read, also for reasons that the reader does not know.

    """
    try:
        yield from source.batches()
    except CONTENT_ERRORS as error:
        raise unknown_fault(error, "read") from error


def check_safely(batch: RawBatch, work: Callable[[RawBatch], T]) -> T:
    """Return the result of the work on a batch.

    Raises:
        FileFaultError: the batch has a value that cannot be checked; the message names its place in the file.

    """
    try:
        return work(batch)
    except CONTENT_ERRORS as error:
        first = int(batch.lines[0]) if batch.rows else None
        raise unknown_fault(error, "checked", batch.place, first) from error


def unknown_fault(error: BaseException, step: str, place: str = "", line: int | None = None) -> FileFaultError:
    """Return the fault of a file in which a library met content that it cannot hold."""
    # The text of these errors may hold values of rows, so only its kind is named.
    where = f" in {place}" if place else ""
    reason = (
        f"the file cannot be {step}{where} ({type(error).__name__}); look for values that are damaged or too large, "
        "or export the file again"
    )
    return FileFaultError("unreadable", reason, line)
