"""Rows are taken out of landed files of every form, and every other byte stays."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from installation.contract.document import FileFormat
from pipelines.erasure.landed_file import UnwritableFileError, content_without, packed, replace_file

_ROWS = 'id,text\r\n1,"a\r\nb"\r\n2,나\r\n3,c\r\n'


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-8-BOM", "CP949", "UTF-16"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_text_keeps_its_other_bytes(tmp_path: Path, encoding: str, compress: object) -> None:
    form = FileFormat("x/*.csv", "csv", encoding)
    codec = {"UTF-8-BOM": "utf-8-sig", "UTF-16": "utf-16"}.get(encoding, encoding)
    path = tmp_path / "a.csv"
    path.write_bytes(compress(_ROWS.encode(codec)))  # type: ignore[operator]
    path.chmod(0o640)
    replace_file(path, packed(path, {None: content_without(path, None, form, [2])}))
    content = path.read_bytes()
    content = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    assert content == "id,text\r\n2,나\r\n3,c\r\n".encode(codec)
    assert path.stat().st_mode & 0o777 == 0o640


def test_json_documents_archives_and_parquet(tmp_path: Path) -> None:
    document = tmp_path / "a.json"
    document.write_text('[{"id": 1}, {"id": 2.50},\n {"id": 3}]')
    form = FileFormat("x/*.json", "json")
    assert content_without(document, None, form, [1]) == b'[\n{"id": 2.50},\n{"id": 3}\n]\n'
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("one.csv", _ROWS)
        file.writestr("two.csv", "id,text\n9,z\n")
    csv = FileFormat("x/*.csv", "csv")
    replace_file(archive, packed(archive, {"one.csv": content_without(archive, "one.csv", csv, [2, 4])}))
    with zipfile.ZipFile(archive) as file:
        assert file.read("one.csv").decode() == "id,text\r\n3,c\r\n"
        assert file.read("two.csv") == b"id,text\n9,z\n"
    table = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": list(range(10))}), table, row_group_size=3)
    kept = content_without(table, None, FileFormat("x/*.parquet", "parquet"), [1, 10])
    assert pq.read_table(io.BytesIO(kept))["id"].to_pylist() == list(range(1, 9))


def test_a_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"PK")
    with pytest.raises(UnwritableFileError, match="delete the rows in it"):
        content_without(path, None, FileFormat("x/*.xlsx", "xlsx"), [1])
