"""Reads the first rows of a file without a contract: finds format, encoding and dialect, and the values by header.

The rows are read by ingest itself, with a contract that declares every column as text. So a sample holds exactly the
values that a load of the file would convert.
"""

from __future__ import annotations

import codecs
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from installation.contract.document import Contract
from pipelines.contracts.csv_dialect import NoHeaderError, find_dialect
from pipelines.contracts.encoding_guess import EncodingGuess, guess_encoding
from pipelines.contracts.json_sample import JsonKinds, read_kinds
from pipelines.contracts.sheet_sample import find_sheet
from pipelines.ingest.archive import is_workbook, is_zip, list_members
from pipelines.ingest.batch import RawBatch
from pipelines.ingest.byte_stream import open_bytes, open_seekable, read_start
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.json_document import is_document
from pipelines.ingest.landing import LandedFile
from pipelines.ingest.source_file import open_source, read_safely
from pipelines.ingest.text_lines import DEFAULT_MAX_LINE
from privacy.contract.column import Column
from privacy.contract.document import FileFormat
from privacy.errors import PrivacyError

SAMPLE_ROWS = 20_000
# Enough for 20,000 wide rows. It also limits the memory that a file without line ends can take.
SAMPLE_BYTES = 32 * 1024 * 1024
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".psv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
}
# Control characters other than tab, line ends, form feed and escape do not occur in texts.
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x7f]")
# Values aligned by spaces, as in files with columns of a fixed width.
_ALIGNED = re.compile(r"\S {2,}\S")
COMPRESSIONS = (".gz", ".bz2", ".zst", ".zip")


class DraftError(PrivacyError):
    """The file cannot be read, so no contract can be drafted from it."""


@dataclass(frozen=True)
class SampleColumn:
    """The values of one column as ingest reads them before conversion: texts, or Arrow values of a Parquet file.

    `kinds` are the JSON types of the values; empty for other formats. `is_loose`: the file has one type for all numbers
    and one for dates and times, as sheets do.
    """

    header: str
    values: pa.Array
    kinds: JsonKinds = field(default_factory=JsonKinds)
    is_loose: bool = False


@dataclass(frozen=True)
class Sample:
    """The first rows of a file, by column, with the properties that the contract states about the file.

    Attributes:
        members: files of a ZIP archive that have the same form; the sample is of the first.
        encoding: None for formats that have none.
        form: the file format as ingest reads it.
        rows: number of rows in the sample; those that ingest cannot split into fields are left out.
        notes: remarks about the file, such as lines above the header.
        is_whole: whether the sample is the whole file.
    """

    files: tuple[LandedFile, ...]
    form: FileFormat
    columns: tuple[SampleColumn, ...]
    rows: int
    encoding: EncodingGuess | None = None
    notes: tuple[str, ...] = ()
    unnamed: tuple[int, ...] = ()
    is_whole: bool = True

    @property
    def format(self) -> str:
        """Format of the file: csv, jsonl, json, parquet or xlsx."""
        return self.form.format


def read_sample(path: Path) -> Sample:
    """Read the first rows of a file; its first bytes and its suffix decide the format.

    Raises:
        DraftError: the file is missing, empty, of another format or broken.
    """
    if not path.is_file():
        raise DraftError(f"File {path} does not exist. Give the path of a CSV, JSON, Parquet or Excel file.")
    try:
        files = _list_files(path)
        return _read(path, files)
    except FileFaultError as fault:
        place = f" line {fault.line}" if fault.line and fault.line > 1 else ""
        raise DraftError(f"{path}{place} cannot be loaded: {fault.reason}.") from fault


def _list_files(path: Path) -> tuple[LandedFile, ...]:
    status = path.stat()
    if status.st_size == 0:
        raise DraftError(f"{path} is empty. Give a file with a header and at least one row.")
    is_archive = is_zip(read_start(path)) and not is_workbook(path)
    members: Sequence[str | None] = _tables(list_members(path)) if is_archive else [None]
    return tuple(LandedFile(path, "", status.st_size, status.st_mtime_ns, member) for member in members)


def _tables(members: Sequence[str]) -> list[str]:
    """Return the files of an archive that have the most table-like suffix among them; a readme is left out."""
    suffixes = [PurePosixPath(member).suffix.lower() for member in members]
    best = min(suffixes, key=lambda suffix: (suffix not in SUFFIXES, suffix == ".txt", suffixes.index(suffix)))
    return [member for member, suffix in zip(members, suffixes, strict=True) if suffix == best]


def _read(path: Path, files: tuple[LandedFile, ...]) -> Sample:
    first = files[0]
    format_ = _find_format(path, first)
    if format_ == "parquet":
        return _read_columns(files, FileFormat("*", format_), None, ())
    if format_ == "xlsx":
        sheet = find_sheet(first)
        if sheet is None:
            raise DraftError(f"{path} has no sheet with a header and at least one row. Give such a workbook.")
        _refuse_repeated(path, sheet.headers, f"row {sheet.form.header_row}")
        return _read_columns(files, sheet.form, sheet.headers, sheet.notes)
    content, is_whole = _read_bytes(first)
    guess = guess_encoding(content, is_whole=is_whole)
    if not guess.encoding.startswith("UTF-16") and _CONTROL.sub(b"", content[:4096]).__len__() < 0.95 * len(
        content[:4096]
    ):
        raise DraftError(f"{path} is not text: it has control characters. Export it as CSV, JSON, Parquet or Excel.")
    try:
        text = codecs.getincrementaldecoder(guess.codec)("surrogateescape").decode(content, final=is_whole)
    except UnicodeError as error:
        raise DraftError(f"{path} is not valid {guess.encoding}: it ends within a character. Send it again.") from error
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise DraftError(f"{path} has no rows. Give a file with a header and at least one row.")
    if format_ in ("jsonl", "json"):
        return _read_json(path, files, guess, text, is_whole)
    return _read_csv(path, files, guess, text, is_whole)


def _find_format(path: Path, file: LandedFile) -> str:
    suffix = find_suffix(file)
    with open_bytes(path, file.member) if not is_workbook_file(path) else path.open("rb") as stream:
        start = stream.read(4)
    if start == b"PAR1":
        return "parquet"
    if is_workbook_file(path):
        return "xlsx"
    if not start:
        raise DraftError(f"{path} is empty. Give a file with a header and at least one row.")
    if suffix not in SUFFIXES:
        expected = ", ".join(SUFFIXES)
        raise DraftError(f"{path} has the unknown suffix {suffix or 'none'}. Convert it to one of {expected}.")
    if SUFFIXES[suffix] == "xlsx":
        raise DraftError(f"{path} is not an Excel workbook. Save it as .xlsx, or name it by its format.")
    return SUFFIXES[suffix]


def is_workbook_file(path: Path) -> bool:
    """Return whether a file is an Excel workbook, by its content."""
    return is_zip(read_start(path)) and is_workbook(path)


def find_suffix(file: LandedFile) -> str:
    """Return the suffix that names the format, in lower case: the one before the suffix of a compression."""
    name = PurePosixPath(file.member).name if file.member else file.path.name
    suffixes = [suffix.lower() for suffix in PurePosixPath(name).suffixes]
    return next((suffix for suffix in reversed(suffixes) if suffix not in COMPRESSIONS), "")


def _read_bytes(file: LandedFile) -> tuple[bytes, bool]:
    with open_bytes(file.path, file.member) as stream:
        content = stream.read(SAMPLE_BYTES + 1)
    is_whole = len(content) <= SAMPLE_BYTES
    if not is_whole:
        content = content[:SAMPLE_BYTES]
    return content, is_whole


def _read_csv(path: Path, files: tuple[LandedFile, ...], guess: EncodingGuess, text: str, is_whole: bool) -> Sample:
    lines = list(io.StringIO(text, newline=""))
    if not is_whole:
        lines = lines[:-1]
    if len([line for line in lines[:10] if line.strip()]) < 2:
        raise DraftError(f"{path} has only one line. Give a file with a header and at least one row.")
    try:
        dialect = find_dialect(lines, is_whole=is_whole)
    except NoHeaderError as error:
        if error.unnamed and not error.data_fields:
            named = " and ".join(f"column {number}" for number in error.unnamed[:5])
            raise DraftError(
                f"{path} line {error.line} is no header: no name for {named}. Give each column a name, and "
                "separate the columns by one character."
            ) from error
        raise DraftError(
            f"{path} line {error.line} is no header: {error.data_fields} of its {error.fields} fields look like values"
            ". Add a line with the column names."
        ) from error
    notes = [f"line {dialect.header_row} is the header; the lines above it are not read"] * (dialect.header_row > 1)
    if dialect.quote == "'" and "'" not in text:
        notes.append("a double quote has no other end, so double quotes are read as part of the values")
    if len(dialect.headers) == 1 and sum(_ALIGNED.search(line) is not None for line in lines) > len(lines) / 2:
        raise DraftError(f"{path} has columns of a fixed width. Export it with a delimiter, such as a comma.")
    if dialect.footer_rows:
        notes.append(f"the last {dialect.footer_rows} lines are no rows; every file must end with as many such lines")
    notes += _unfinished(text, is_whole)
    form = FileFormat(
        "*",
        "csv",
        guess.codec,
        dialect.delimiter,
        dialect.quote,
        header_row=dialect.header_row,
        footer_rows=dialect.footer_rows,
    )
    _refuse_repeated(path, dialect.headers, f"line {dialect.header_row}")
    return _read_columns(files, form, dialect.headers, tuple(notes), guess)


def _unfinished(text: str, is_whole: bool) -> list[str]:
    if not is_whole or text.endswith(("\n", "\r")):
        return []
    return ["the last line has no line end; a run loads the file when it has seen it unchanged before"]


def _refuse_repeated(path: Path, headers: Sequence[str], place: str) -> None:
    repeated = [header for header, count in Counter(header for header in headers if header).items() if count > 1]
    if repeated:
        named = ", ".join(repeated[:10]) + (f" and {len(repeated) - 10} more" if len(repeated) > 10 else "")
        raise DraftError(f"{path} {place} repeats the header {named}. Give each column its own header.")


def _read_json(path: Path, files: tuple[LandedFile, ...], guess: EncodingGuess, text: str, is_whole: bool) -> Sample:
    # Files named .json often hold one object per line, and files named .jsonl an array.
    form = FileFormat("*", "json" if is_document(text) else "jsonl", guess.codec)
    kinds = read_kinds(text, form.format == "json", is_whole, SAMPLE_ROWS)
    if not kinds:
        raise DraftError(
            f"{path} has no JSON object with a field. Write one JSON object per line, or an array of them."
        )
    notes = tuple(_unfinished(text, is_whole)) if form.format == "jsonl" else ()
    sample = _read_columns(files, form, tuple(kinds), notes, guess)
    columns = tuple(SampleColumn(column.header, column.values, kinds[column.header]) for column in sample.columns)
    notes = sample.notes
    inner = [column.header for column in columns if str(column.values[:1].to_pylist()).startswith("['[{")]
    if sample.rows == 1 and inner:
        notes += (f"the file is one object, so one row; to load a row for each object in {inner[0]}, export that list",)
    return Sample(sample.files, form, columns, sample.rows, guess, notes, (), sample.is_whole)


def _read_columns(
    files: tuple[LandedFile, ...],
    form: FileFormat,
    headers: Sequence[str] | None,
    notes: tuple[str, ...],
    guess: EncodingGuess | None = None,
) -> Sample:
    """Read the first rows with the readers of ingest; `headers` None means those of the Parquet file."""
    if headers is None:
        headers = _parquet_headers(files[0])
    named = [header for header in headers if header or form.format in ("jsonl", "json")]
    unnamed = tuple(number for number, header in enumerate(headers, 1) if header not in named)
    contract = text_contract(form, named)
    chunks: dict[str, list[pa.Array]] = {column.name: [] for column in contract.columns}
    rows, total, is_whole = 0, 0, True
    for batch in _batches(files, contract):
        if rows >= SAMPLE_ROWS:
            is_whole = False
            break
        sound = pa.array(batch.faults.is_sound)
        for name, parts in chunks.items():
            values = batch.columns.get(name, pa.nulls(batch.rows, pa.string()))
            parts.append(values.filter(sound)[: SAMPLE_ROWS - rows])
        taken = int(batch.faults.is_sound.sum())
        is_whole = is_whole and taken <= SAMPLE_ROWS - rows
        rows, total = min(rows + taken, SAMPLE_ROWS), total + batch.rows
    is_loose = form.format == "xlsx"
    columns = tuple(SampleColumn(c.header, _joined(chunks[c.name]), is_loose=is_loose) for c in contract.columns)
    if not columns:
        raise DraftError(f"{files[0].path} has no columns. Export it again.")
    if not total and form.format != "parquet":
        raise DraftError(f"{files[0].path} has a header but no rows. Give a file with at least one row.")
    return Sample(files, form, columns, rows, guess, notes, unnamed, is_whole)


def _batches(files: Sequence[LandedFile], contract: Contract) -> Iterator[RawBatch]:
    """Yield the batches of all files."""
    for file in files:
        yield from read_safely(open_source(file, contract, DEFAULT_MAX_LINE))


def text_contract(form: FileFormat, headers: Sequence[str]) -> Contract:
    """Return a contract that reads every column as it is, and only empty text as null."""
    columns = tuple(
        Column(f"c{number}", header, "string", "string", "dpv:NonPersonalData")
        for number, header in enumerate(headers, 1)
    )
    return Contract("source.sample", "sample", "source", "0", columns, file=form)


def _parquet_headers(file: LandedFile) -> tuple[str, ...]:
    try:
        with pq.ParquetFile(open_seekable(file.path, file.member)) as opened:
            headers = tuple(opened.schema_arrow.names)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DraftError(f"{file.path} is not a complete Parquet file: {reason}. Export it again.") from error
    _refuse_repeated(file.path, headers, "schema")
    return headers


def _joined(parts: Sequence[pa.Array]) -> pa.Array:
    if not parts:
        return pa.array([], pa.string())
    flat = [part.dictionary_decode() if pa.types.is_dictionary(part.type) else part for part in parts]
    kinds = {part.type for part in flat if not pa.types.is_null(part.type)}
    target = kinds.pop() if len(kinds) == 1 else pa.string()
    return pa.concat_arrays([part.cast(target) for part in flat])
