"""Reading and writing person files: encodings, delimiters and faults."""

import pandas as pd
import pytest

from pipelines.matching.errors import SourceFileError
from pipelines.matching.person_file import read_person_file, write_person_file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_file_is_read_with_any_common_encoding_and_delimiter(tmp_path, encoding, delimiter):
    path = tmp_path / "people.csv"
    path.write_bytes(f"성명{delimiter}전화\n김민준{delimiter}010\n{delimiter}\n".encode(encoding))
    frame = read_person_file(path)
    assert frame.columns.tolist() == ["성명", "전화"]
    assert frame.iloc[0].tolist() == ["김민준", "010"]


def test_lines_of_two_encodings_in_one_file_are_both_read(tmp_path):
    path = tmp_path / "people.csv"
    path.write_bytes("name,n\n김민준,1\n".encode() + "박서연,2\n".encode("cp949"))
    assert read_person_file(path)["name"].tolist() == ["김민준", "박서연"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"x,x\n1,2\n", "repeats x"),
        ("a.csv", b"x,y\n1\n", "not a readable csv"),
        ("a.json", b"{}", "expected .csv"),
        ("a.parquet", b"nonsense", "not a readable parquet"),
    ],
)
def test_an_unreadable_file_raises_an_error_that_says_why(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceFileError, match=message):
        read_person_file(tmp_path / name)


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_written_file_is_read_back_unchanged(tmp_path, name):
    frame = pd.DataFrame({"a": ["김", None], "b": ["1", "2"]}, dtype=object)
    write_person_file(frame, tmp_path / name)
    assert read_person_file(tmp_path / name).equals(frame)


def test_a_utf_16_file_is_read(tmp_path):
    path = tmp_path / "people.csv"
    path.write_bytes("성명,전화\n김민준,010\n".encode("utf-16"))
    assert read_person_file(path)["성명"].tolist() == ["김민준"]
