"""Values in files of every kind are found in every spelling; a folder with an undecodable file is not clean."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import sqlite3
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import given
from hypothesis import strategies as st

from privacy.protection.scan.folder import ScanReport, scan_folders
from privacy.protection.scan.matcher import Matcher
from privacy.protection.scan.needle import Needle, ScanError, fold

NAME, PHONE, EMAIL, NUMBER = "뷁쏔걀", "010-4711-0815", "canary.Kim@nowhere.example", "901131-1047110"
NEEDLES = (
    Needle("name", NAME),
    Needle("phone", PHONE, "phone"),
    Needle("email", EMAIL),
    Needle("number", NUMBER),
)
MATCHER = Matcher(NEEDLES)
FULL_WIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x30, 0x3A)})
SPELLINGS = {
    "name": [NAME, unicodedata.normalize("NFD", NAME), "뷁 쏔걀", f"({NAME})님"],
    "phone": [PHONE, "01047110815", "+82 10 4711 0815", "+82(0)10.4711.0815", PHONE.translate(FULL_WIDTH),
              "010‑4711－0815"],
    "email": [EMAIL, EMAIL.upper(), " canary.kim @nowhere.example"],
    "number": [NUMBER, "9011311047110", "901131 1047110", NUMBER.translate(FULL_WIDTH)],
}  # fmt: skip
ALL = [(name, text) for name, texts in SPELLINGS.items() for text in texts]


def scan(folder: Path) -> ScanReport:
    return scan_folders([folder], MATCHER)


def parquet(**options: Any) -> Callable[[str], bytes]:
    def write(text: str) -> bytes:
        sink = io.BytesIO()
        table = pa.table({"a": ["x", f"vor {text} nach", "x"] * 100, "b": range(300)})
        pq.write_table(table, sink, **options)
        return sink.getvalue()

    return write


def nested_parquet(text: str) -> bytes:
    sink = io.BytesIO()
    rows = [{"s": {"l": [{"m": text}]}, "d": {"k": [text]}}]
    pq.write_table(pa.table({"n": pa.array(rows)}), sink)
    return sink.getvalue()


def binary_parquet(text: str) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"n": pa.array([gzip.compress(text.encode())])}), sink, compression="zstd")
    return sink.getvalue()


def metadata_parquet(text: str) -> bytes:
    sink = io.BytesIO()
    schema = pa.schema([("a", pa.int64())], metadata={"note": json.dumps({"seen": text})})
    pq.write_table(pa.table({"a": [1]}, schema=schema), sink)
    return sink.getvalue()


def arrow(text: str) -> bytes:
    sink = io.BytesIO()
    table = pa.table({"a": [text]})
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return sink.getvalue()


def zipped(text: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.csv", text)
    return sink.getvalue()


def tarred(text: str) -> bytes:
    sink = io.BytesIO()
    content = gzip.compress(text.encode())
    with tarfile.open(fileobj=sink, mode="w") as archive:
        info = tarfile.TarInfo("inner.gz")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return sink.getvalue()


def through(codec: str) -> Callable[[str], bytes]:
    return lambda text: bytes(pa.Codec(codec).compress(f"vor {text}".encode(), asbytes=True))


CONTAINERS: dict[str, Callable[[str], bytes]] = {
    "plain text": lambda text: f"log: {text}\n".encode(),
    "CP949 text": lambda text: f"로그: {text}\n".encode("cp949", "ignore"),
    "UTF-16 text": lambda text: f"log: {text}".encode("utf-16"),
    "bytes around it": lambda text: b"\xff\x00\xfe" + text.encode() + b"\xff",
    "JSON, escaped": lambda text: json.dumps({"a": [text]}).encode(),
    "JSON in JSON, escaped": lambda text: json.dumps({"stats": json.dumps({"min": text})}).encode(),
    "HTML, escaped": lambda text: "".join(f"&#{ord(letter)};" for letter in text).encode(),
    "URL": lambda text: b"/search?q=" + "".join(f"%{byte:02X}" for byte in text.encode()).encode(),
    "repr of bytes": lambda text: repr(text.encode()).encode(),
    "base64": lambda text: json.dumps({"image": base64.b64encode(f"some more {text}".encode()).decode()}).encode(),
    "zlib in base64": lambda text: base64.b64encode(zlib.compress(f"some more {text}".encode())),
    "gzip": lambda text: gzip.compress(text.encode()),
    "gzip in gzip": lambda text: gzip.compress(gzip.compress(text.encode())),
    "zlib": lambda text: zlib.compress(text.encode()),
    "bzip2": lambda text: bz2.compress(text.encode()),
    "xz": lambda text: lzma.compress(text.encode()),
    "zstd": through("zstd"),
    "lz4": through("lz4"),
    "zip": zipped,
    "tar": tarred,
    "Arrow": arrow,
    "Parquet, plain": parquet(compression="none", use_dictionary=False),
    "Parquet, dictionary": parquet(compression="none", use_dictionary=True),
    "Parquet, snappy": parquet(compression="snappy", write_statistics=False),
    "Parquet, zstd": parquet(compression="zstd", write_statistics=False),
    "Parquet, gzip without dictionary": parquet(compression="gzip", use_dictionary=False, write_statistics=False),
    "Parquet, nested": nested_parquet,
    "Parquet, gzip in a column": binary_parquet,
    "Parquet, metadata": metadata_parquet,
}
ASCII_ONLY = {"CP949 text", "bytes around it"}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_every_spelling_in_every_container_is_found(kind: str, tmp_path: Path) -> None:
    for number, (_, text) in enumerate(ALL):
        (tmp_path / str(number)).write_bytes(CONTAINERS[kind](text))
    report = scan(tmp_path)
    assert report.undecoded == ()
    found = {(Path(finding.path).name, finding.needle) for finding in report.findings}
    missed = [text for number, (name, text) in enumerate(ALL) if (str(number), name) not in found]
    if kind in ASCII_ONLY:
        # Bytes of an encoding that is not UTF-8 are compared with whole forms, not with every mixture of them.
        missed = [text for text in missed if text.isascii() or text == NAME]
    assert missed == []


@pytest.mark.parametrize("kind", CONTAINERS)
def test_another_value_in_the_same_container_is_not_found(kind: str, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(CONTAINERS[kind]("쀍쐬걁 010-4711-0816 canary.lim@nowhere.example 901131-1047111"))
    assert scan(tmp_path).is_clean


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
@pytest.mark.parametrize(("name", "text"), [("name", NAME), ("phone", "+82 10-4711-0815"), ("number", "9011311047110")])
def test_values_in_sqlite_and_its_write_ahead_log_are_found(journal: str, name: str, text: str, tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "runs.db", isolation_level=None)
    database.execute(f"PRAGMA journal_mode = {journal}")
    database.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, body TEXT)")
    # Long enough to go over several pages, so that a search of bytes alone would miss values cut by a page's end.
    rows = [(f"{'x' * n}{text}{'y' * 9000}",) for n in range(0, 4096, 16)]
    database.execute("BEGIN")
    database.executemany("INSERT INTO event (body) VALUES (?)", rows)
    database.execute("COMMIT")
    report = scan(tmp_path)
    database.close()
    assert {finding.needle for finding in report.findings} == {name}
    assert any("table event" in finding.where for finding in report.findings)
    assert report.undecoded == ()


def test_deleted_rows_of_sqlite_are_found_until_they_are_overwritten(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "runs.db", isolation_level=None)
    database.execute("PRAGMA secure_delete = OFF")
    database.execute("CREATE TABLE event (body TEXT)")
    database.execute("INSERT INTO event VALUES (?)", (PHONE,))
    database.execute("DELETE FROM event")
    assert {finding.where for finding in scan(tmp_path).findings} == {"bytes"}
    database.execute("VACUUM")
    assert scan(tmp_path).is_clean
    database.close()


def test_values_in_statistics_checkpoints_and_removed_files_of_delta_are_found(tmp_path: Path) -> None:
    for batch in range(3):
        write_deltalake(tmp_path, pa.table({"a": [PHONE], "n": [batch]}), mode="append")
    DeltaTable(tmp_path).create_checkpoint()
    DeltaTable(tmp_path).delete("true")
    found = {Path(finding.path).relative_to(tmp_path).parts[0] for finding in scan(tmp_path).findings}
    assert "_delta_log" in found
    assert any(name.endswith(".parquet") for name in found)
    logs = {Path(f.path).suffixes[-1] for f in scan(tmp_path).findings if "_delta_log" in f.path}
    assert logs == {".json", ".parquet"}


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.decimal128(22, 2)])
def test_a_phone_kept_as_a_number_is_found(kind: pa.DataType, tmp_path: Path) -> None:
    values = pa.array([1, 821047110815, None]).cast(kind, safe=False)
    pq.write_table(pa.table({"n": values}), tmp_path / "part.parquet")
    assert {finding.needle for finding in scan(tmp_path).findings} == {"phone"}


def test_values_in_names_of_files_and_folders_are_found(tmp_path: Path) -> None:
    (tmp_path / f"name={NAME}").mkdir()
    (tmp_path / f"name={NAME}" / "part").write_text("x")
    assert [finding.where for finding in scan(tmp_path).findings] == ["path"]


@pytest.mark.parametrize(
    "content", [b"PAR1 and no more", b"SQLite format 3\0 and no more", b"PK\x03\x04 and no more", b"\x1f\x8b\x08x"]
)
def test_a_file_that_cannot_be_decoded_is_not_clean(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(content)
    report = scan(tmp_path)
    assert report.findings == ()
    assert len(report.undecoded) == 1
    assert not report.is_clean


def test_findings_and_needles_do_not_show_the_value(tmp_path: Path) -> None:
    (tmp_path / "part").write_text(PHONE)
    report = scan(tmp_path)
    assert report.findings
    assert "4711" not in repr(report)
    assert "4711" not in repr(NEEDLES)


def test_left_out_folders_are_not_searched(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "a.csv").write_text(PHONE)
    (tmp_path / "other").write_text("x")
    report = scan_folders([tmp_path], Matcher(NEEDLES), leave_out=[tmp_path / "landing"])
    assert (report.files, report.is_clean) == (1, True)


def test_a_value_below_six_bytes_is_refused() -> None:
    with pytest.raises(ScanError, match="n has 3 bytes"):
        Matcher([Needle("n", "L-e-e")])


@given(st.binary(), st.binary(), st.binary())
def test_folding_a_part_agrees_with_folding_the_whole(before: bytes, value: bytes, after: bytes) -> None:
    assert fold(before + value + after) == fold(before) + fold(value) + fold(after)


def test_ciphertext_that_begins_with_two_bytes_of_gzip_is_no_damaged_archive(tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(b"\x1f\x8bx" + bytes(range(100)))
    assert scan(tmp_path).is_clean
