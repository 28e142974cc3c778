import hashlib
from pathlib import Path

import pytest

from installation.contract.document import Contract
from pipelines.ingest.landing import CHUNK_BYTES, candidate_paths, digest, find_files, unmatched_files
from tests.pipelines.ingest.shop import COLUMNS, write_contract
from tests.pipelines.ingest.test_byte_stream import zipped


def land(landing: Path, name: str, content: bytes = b"x") -> Path:
    path = landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_matching_files_are_found_by_path_and_each_content_once(tmp_path: Path) -> None:
    land(tmp_path, "sale/b.csv", b"two")
    land(tmp_path, "sale/a.csv", b"one")
    land(tmp_path, "sale/copy.csv", b"one")
    land(tmp_path, "sale/other.txt", b"three")
    land(tmp_path, "store/c.csv", b"four")
    (tmp_path / "sale" / "folder.csv").mkdir()
    assert [file.name for file in find_files(tmp_path, "sale/*.csv")] == ["a.csv", "b.csv"]


@pytest.mark.parametrize(
    "name", [".a.csv", "_a.csv", "a.csv.tmp", "a.csv.part", "a.csv~", ".hidden/a.csv", "_tmp/a.csv"]
)
def test_hidden_and_unfinished_files_are_left_out(tmp_path: Path, name: str) -> None:
    land(tmp_path, f"sale/{name}")
    assert find_files(tmp_path, "sale/**/*") == ()


def test_a_missing_landing_folder_has_no_files(tmp_path: Path) -> None:
    assert find_files(tmp_path / "none", "sale/*") == ()


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1])
def test_the_file_id_is_the_sha256_of_the_bytes(tmp_path: Path, size: int) -> None:
    content = b"z" * size
    assert digest(land(tmp_path, "f", content)) == (hashlib.sha256(content).hexdigest(), size)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("sale/*.csv", "a.csv", True),
        ("sale/*.csv", "a.CSV", True),
        ("sale/*.CSV", "a.csv", True),
        ("sale/*.csv", "a.csv.gz", True),
        ("sale/*.csv", "a.Csv.GZ", True),
        ("sale/*.csv", "a.csv.zst", True),
        ("sale/*.csv", "a.csv.bz2", True),
        ("sale/*.csv", "a.txt", False),
        ("sale/*.csv", "a.csv.bak", False),
        ("sale/*.csv", "a.gz", False),
        ("sale/*.csv.gz", "a.csv.gz", True),
        ("sale/*.csv.gz", "a.csv", False),
        ("sale/*.txt", "a.TXT", True),
        ("sale/*.tsv", "a.tsv.gz", True),
        ("sale/kiosk_*.csv", "kiosk_1.CSV", True),
        ("sale/kiosk_*.csv", "KIOSK_1.csv", False),
        ("sale/*", "anything", True),
    ],
)
def test_suffixes_match_in_any_case_and_with_a_compression(
    tmp_path: Path, pattern: str, name: str, matches: bool
) -> None:
    land(tmp_path, f"sale/{name}")
    assert [file.name for file in find_files(tmp_path, pattern)] == [name] * matches


def test_matching_files_of_an_archive_are_files_of_their_own(tmp_path: Path) -> None:
    land(
        tmp_path, "sale/all.zip", zipped({"sale_1.csv": b"1", "deep/sale_2.CSV": b"2", "store.csv": b"3", "a.md": b""})
    )
    found = find_files(tmp_path, "sale/sale_*.csv")
    assert [file.name for file in found] == ["all.zip/deep/sale_2.CSV", "all.zip/sale_1.csv"]
    assert len({file.file_id for file in found}) == 2
    assert [file.file_id for file in find_files(tmp_path, "sale/sale_*.csv")] == [file.file_id for file in found]


def test_an_archive_with_the_name_of_the_pattern_gives_all_its_files(tmp_path: Path) -> None:
    land(tmp_path, "sale/sale.csv.zip", zipped({"export": b"1"}))
    assert [file.name for file in find_files(tmp_path, "sale/*.csv")] == ["sale.csv.zip/export"]
    land(tmp_path, "sale/b.zip", zipped({"x.dat": b"2"}))
    assert [file.name for file in find_files(tmp_path, "sale/*.zip")] == ["b.zip/x.dat", "sale.csv.zip/export"]


def test_an_archive_without_a_matching_file_is_left_out_and_a_damaged_one_is_not(tmp_path: Path) -> None:
    land(tmp_path, "sale/other.zip", zipped({"a.md": b"1"}))
    assert find_files(tmp_path, "sale/*.csv") == ()
    land(tmp_path, "sale/damaged.zip", b"PK\x03\x04")
    assert [file.name for file in find_files(tmp_path, "sale/*.csv")] == ["damaged.zip"]
    assert len(candidate_paths(tmp_path, "sale/*.csv")) == 2


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return write_contract(tmp_path / "contracts", COLUMNS, path="sale/*.csv")


def test_files_that_no_contract_loads_are_named_with_a_reason(tmp_path: Path, contract: Contract) -> None:
    landing = tmp_path / "landing"
    land(landing, "sale/a.csv")
    land(landing, "sale/b.csv.gz")
    land(landing, "sale/b.txt")
    land(landing, "sale/c.csv.part")
    land(landing, "sale/deep/d.csv")
    land(landing, "sale/.hidden.txt")
    land(landing, "sale/e.zip", zipped({"1.csv": b"1", "read.me": b"2"}))
    land(landing, "sale/f.zip", zipped({"read.me": b"3"}))
    land(landing, "parking/a.csv")
    land(landing, "_old/a.csv")
    land(landing, "loose.csv")
    (landing / "empty").mkdir()
    found = {file.name: file.reason for file in unmatched_files(landing, [contract])}
    assert list(found) == [
        "loose.csv",
        "parking/",
        "sale/b.txt",
        "sale/c.csv.part",
        "sale/deep/d.csv",
        "sale/e.zip/read.me",
        "sale/f.zip",
    ]
    assert found["sale/b.txt"] == ("source.sale loads sale/*.csv: widen `path` in the contract, or rename the file")
    assert found["sale/c.csv.part"] == "its name marks an unfinished copy; rename it when it is complete"
    assert found["parking/"] == "no contract has a path in this folder; draft one with `bojagi contracts init FILE`"


def test_a_folder_whose_files_all_match_has_no_unmatched_file(tmp_path: Path, contract: Contract) -> None:
    land(tmp_path / "landing", "sale/a.CSV")
    land(tmp_path / "landing", "sale/b.zip", zipped({"1.csv": b"1"}))
    assert unmatched_files(tmp_path / "landing", [contract]) == ()
    assert unmatched_files(tmp_path / "none", [contract]) == ()


@pytest.mark.parametrize(
    ("name", "content", "advice"),
    [
        ("a.xls", b"<html>", "save it as .xlsx"),
        ("a.csv.xz", b"\xfd7zXZ\x00", "land it uncompressed"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c", "the file is a 7-Zip archive"),
        ("a.doc", b"x", "widen `path` in the contract"),
    ],
)
def test_an_unmatched_file_of_another_format_is_named_with_what_to_do(
    name: str, content: bytes, advice: str, tmp_path: Path, contract: Contract
) -> None:
    land(tmp_path / "landing", f"sale/{name}", content)
    (found,) = unmatched_files(tmp_path / "landing", [contract])
    assert advice in found.reason
