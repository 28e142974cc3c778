import hashlib
from pathlib import Path

import pytest

from pipelines.ingest.landing import CHUNK_BYTES, digest, find_files


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
