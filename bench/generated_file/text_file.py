"""Writes rows as CSV, JSON lines or a JSON array, without a writer of CSV that readers could share faults with."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import zipfile
from collections.abc import Sequence
from random import Random

import pyarrow as pa

from bench.generated_file.cell import Cell
from bench.generated_file.file_form import FileForm


def csv_field(text: str, form: FileForm, rng: Random) -> str:
    """Return one field, in quotes where its text needs them and sometimes where it does not."""
    needs = any(sign in text for sign in (form.delimiter, form.quote, "\r", "\n"))
    if needs or form.quotes_all or rng.random() < 0.05:
        return form.quote + text.replace(form.quote, form.quote * 2) + form.quote
    return text


def csv_line(cells: Sequence[Cell], form: FileForm, rng: Random) -> str:
    """Return one row without its line end. Null is one of the contract's texts for null."""
    texts = []
    for cell in cells:
        if cell.text is None:
            texts.append(rng.choice(["", *form.nulls]))
        else:
            texts.append(csv_field(cell.text, form, rng))
    return form.delimiter.join(texts)


def json_object(names: Sequence[str], cells: Sequence[Cell], rng: Random) -> str:
    """Return one row as a JSON object on one line; a null field is written as null or left out."""
    parts = []
    for name, cell in zip(names, cells, strict=True):
        if cell.text is None and rng.random() < 0.5:
            continue
        value = "null" if cell.text is None else cell.json
        parts.append(f"{json.dumps(name, ensure_ascii=False)}:{' ' * rng.randrange(2)}{value}")
    return "{" + ", ".join(parts) + "}"


def compress(contents: Sequence[bytes], form: FileForm) -> bytes:
    """Return the bytes of the landed file: the only content, compressed or not, or an archive of all contents."""
    if form.compression == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for number, content in enumerate(contents):
                info = zipfile.ZipInfo(f"part{number}.{form.format}", (2017, 6, 1, 0, 0, 0))
                archive.writestr(info, content, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()
    (content,) = contents
    if form.compression == "gz":
        return gzip.compress(content, mtime=0)
    if form.compression == "bz2":
        return bz2.compress(content)
    if form.compression == "zst":
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, "zstd") as stream:
            stream.write(content)
        compressed: bytes = sink.getvalue().to_pybytes()
        return compressed
    return content
