"""Columns of CSV, Parquet and Delta files are read with their types, or refused with a reason that has no value."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from installation.errors import SettingsError
from pipelines.synthetic.file_rows import CsvForm, estimate_rows, fingerprint, read_file
from pipelines.synthetic.row_writer import open_writer, write_tables
from pipelines.synthetic.source import people_types
from privacy.synthetic.specification import Specification

SPEC = Specification.model_validate(
    {
        "columns": {
            "age": {"kind": "number", "minimum": 0, "maximum": 110},
            "code": {"kind": "category", "values": ["01", "02"]},
            "born": {"kind": "day", "first": "1900-01-01", "last": "2026-01-01"},
            "seen": {"kind": "moment", "first": "2020-01-01T00:00:00", "last": "2026-01-01T00:00:00"},
            "opens": {"kind": "time"},
        }
    }
)
TYPES = people_types(SPEC)
ROW = {"age": 41.5, "code": "01", "born": date(1984, 2, 29), "seen": datetime(2025, 3, 1, 13, 5), "opens": time(9, 30)}


def test_every_kind_of_column_is_read_from_csv_parquet_and_delta(tmp_path: Path) -> None:
    text = "note;opens;age;seen;born;code\nx;09:30:00;41.5;2025-03-01 13:05:00;1984-02-29;01\n;;NA;;;\n"
    (tmp_path / "people.csv").write_text(text)
    table = read_file(tmp_path / "people.csv", TYPES, CsvForm(";", ("NA",)))
    assert table.to_pylist() == [ROW, dict.fromkeys(ROW)]
    pq.write_table(table, tmp_path / "people.parquet")
    write_deltalake(tmp_path / "people", table.drop_columns(["opens"]))
    assert read_file(tmp_path / "people.parquet", TYPES, CsvForm()).to_pylist() == table.to_pylist()
    four = {name: kind for name, kind in TYPES.items() if name != "opens"}
    assert read_file(tmp_path / "people", four, CsvForm()).to_pylist()[0] == {name: ROW[name] for name in four}
    assert [estimate_rows(tmp_path / name, CsvForm()) for name in ("people.csv", "people.parquet")] == [3, 2]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("code,age,born,seen,opens\n01,forty,,,\n", "column age holds another value than numbers such as 1234.5"),
        ("age,code,born,seen,opens\n1,01,29/02/1984,,\n", "column born .*dates such as 2026-01-31"),
        ("age,code,born,seen,opens\n1,01,,2025-03-01T13:05:00Z,\n", "column seen .*without a zone"),
        ("age,code\n1,01\n", "has no columns \\['born', 'seen', 'opens'\\]"),
        ("age,code,born,seen,opens\n1\n", "cannot be read as CSV"),
        ("", "cannot be read as CSV"),
        ("age,code,born,seen,opens,age\n1,01,,,,2\n", "has several columns \\['age'\\]"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_without_its_values(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "people.csv").write_text(text)
    with pytest.raises(SettingsError, match=reason) as caught:
        read_file(tmp_path / "people.csv", TYPES, CsvForm())
    assert not any(value in str(caught.value) for value in ("forty", "29/02", "13:05:00Z"))


def test_a_file_in_another_encoding_or_with_another_delimiter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "korean.csv").write_bytes("code\n서울\n".encode("cp949"))
    with pytest.raises(SettingsError, match="column code holds another value than text in UTF-8"):
        read_file(tmp_path / "korean.csv", {"code": pa.string()}, CsvForm())
    with pytest.raises(SettingsError, match="--delimiter is '::'"):
        read_file(tmp_path / "korean.csv", {"code": pa.string()}, CsvForm("::"))


def test_the_fingerprint_changes_with_content_and_key(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("1")
    first = fingerprint(path, b"key")
    assert fingerprint(path, b"other") != first == fingerprint(path, b"key")
    path.write_text("2")
    assert fingerprint(path, b"key") != first


def test_parts_are_appended_and_a_failed_file_does_not_appear(tmp_path: Path) -> None:
    for name in ("rows.csv", "rows.parquet"):
        with open_writer(tmp_path / name) as append:
            for number in range(3):
                append(pa.table({"age": [float(number)]}))
        assert read_file(tmp_path / name, {"age": pa.float64()}, CsvForm())["age"].to_pylist() == [0.0, 1.0, 2.0]
    with pytest.raises(pa.ArrowException), open_writer(tmp_path / "broken.csv") as append:
        append(pa.table({"age": [b"\xff"]}).append_column("list", [[[1]]]))
    assert not (tmp_path / "broken.csv").exists()
    with pytest.raises(SettingsError, match=r"neither \.csv nor \.parquet"):
        write_tables([pa.table({"a": [1]})], [tmp_path / "rows.txt"])


def test_tabs_are_named_by_their_escape(tmp_path: Path) -> None:
    (tmp_path / "people.tsv").write_text("age\tcode\n1\t02\n")
    found = read_file(tmp_path / "people.tsv", {"code": pa.string()}, CsvForm("\\t"))
    assert found.to_pylist() == [{"code": "02"}]
