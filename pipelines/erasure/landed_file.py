"""Takes single rows out of a landed file: text, JSON or Parquet, also compressed or in a ZIP archive.

Every other byte of a text file stays as it is. A file that cannot be written so is not touched.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import os
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from installation.contract.document import FileFormat
from pipelines.errors import PipelineError
from pipelines.ingest.byte_stream import open_bytes
from pipelines.ingest.exact_json import FAST
from pipelines.ingest.json_document import is_document, read_document
from privacy.storage.atomic_file import PRIVATE_MODE, public_draft

_GZIP, _BZIP2, _XZ, _ZSTD, _ZIP = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"


class UnwritableFileError(PipelineError):
    """A landed file cannot be written without single rows."""


def content_without(path: Path, member: str | None, form: FileFormat, lines: Collection[int]) -> bytes:
    """Return the decompressed content of a landed file without the rows at these lines.

    Args:
        path: the file.
        member: the file of a ZIP archive; None for the file itself.
        form: its format.
        lines: line or row numbers, as the reader of the source gives them.

    Raises:
        UnwritableFileError: the format cannot be written, or the file would change elsewhere.
    """
    with open_bytes(path, member) as stream:
        content = stream.read()
    if form.format == "parquet":
        return _parquet(content, lines)
    if form.format == "xlsx":
        raise UnwritableFileError(
            "an Excel workbook cannot be written without changing it elsewhere; delete the rows in it, or the file"
        )
    codec = form.codec
    try:
        text = content.decode(codec, errors="surrogateescape")
        if text.encode(_codec_of_writer(codec, content), errors="surrogateescape") != content:
            raise UnwritableFileError(
                f"the file does not come back from {form.encoding} as it is; delete the rows by hand"
            )
        if form.format in ("json", "jsonl") and is_document(text):
            kept = _document(text, lines)
        else:
            kept = _records(text, form, lines)
        return kept.encode(_codec_of_writer(codec, content), errors="surrogateescape")
    except UnicodeError as error:
        raise UnwritableFileError(f"the file is not valid {form.encoding}; delete the rows by hand") from error


def packed(path: Path, contents: Mapping[str | None, bytes]) -> bytes:
    """Return the whole new file, compressed as before, with these contents.

    `contents` maps each changed file of a ZIP archive, or None for the file itself, to its decompressed content.
    """
    original = path.read_bytes()
    if None not in contents or original.startswith(_ZIP):
        return _archive(original, contents)
    content = contents[None]
    if original.startswith(_GZIP):
        return gzip.compress(content, mtime=0)
    if original.startswith(_BZIP2):
        return bz2.compress(content)
    if original.startswith(_XZ):
        return lzma.compress(content)
    if original.startswith(_ZSTD):
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, "zstd") as stream:
            stream.write(content)
        return bytes(sink.getvalue())
    return content


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file at once or not at all. It keeps its permissions."""
    mode = path.stat().st_mode & 0o777
    with public_draft(path) as draft:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)


def _archive(original: bytes, contents: Mapping[str | None, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(original)) as before, zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as after:
        infos = [info for info in before.infolist() if not info.is_dir()]
        for info in infos:
            is_only = None in contents and len(infos) == 1
            content = contents[None] if is_only else contents.get(info.filename)
            after.writestr(info, before.read(info) if content is None else content, info.compress_type)
    return sink.getvalue()


def _records(text: str, form: FileFormat, lines: Collection[int]) -> str:
    """Return a text without the records that start at these lines. A CSV record may go on over several lines."""
    parts = io.StringIO(text, newline="").readlines()
    gone: set[int] = set()
    for start in lines:
        length = 1
        if form.format not in ("json", "jsonl"):
            reader = csv.reader(iter(parts[start - 1 :]), delimiter=form.delimiter, quotechar=form.quote)
            next(reader, None)
            length = max(1, reader.line_num)
        gone.update(range(start, start + length))
    kept = "".join(part for number, part in enumerate(parts, 1) if number not in gone)
    # A file of no bytes would be refused as a delivery that failed; a blank line is a file without records.
    return kept if kept or form.format not in ("json", "jsonl") else "\n"


def _document(text: str, numbers: Collection[int]) -> str:
    records = [part for _, part in read_document(io.StringIO(text), FAST, len(text) + 1)]
    kept = [part for number, part in enumerate(records, 1) if number not in set(numbers)]
    return (
        "[\n" + ",\n".join(kept) + "\n]\n" if text.lstrip("\ufeff \t\r\n").startswith("[") else "\n".join(kept) + "\n"
    )


def _parquet(content: bytes, lines: Collection[int]) -> bytes:
    sink, gone, row = io.BytesIO(), set(lines), 0
    with pq.ParquetFile(io.BytesIO(content)) as before:
        codec = before.metadata.row_group(0).column(0).compression if before.metadata.num_row_groups else "SNAPPY"
        schema = before.schema_arrow
        with pq.ParquetWriter(sink, schema, compression="NONE" if codec == "UNCOMPRESSED" else codec) as after:
            for group in range(before.metadata.num_row_groups):
                rows = before.read_row_group(group)
                kept = [row + place + 1 not in gone for place in range(rows.num_rows)]
                row += rows.num_rows
                after.write_table(rows.filter(pa.array(kept)))
    return sink.getvalue()


def _codec_of_writer(codec: str, content: bytes) -> str:
    """Return the codec that writes a byte order mark exactly where the file has one."""
    if codec == "utf-8-sig":
        return codec if content.startswith(b"\xef\xbb\xbf") else "utf-8"
    if codec == "utf-16":
        return "utf-16-be" if content.startswith(b"\xfe\xff") else codec
    return codec
