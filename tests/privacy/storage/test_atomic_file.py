"""Files that are replaced completely or not at all."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from privacy.storage import atomic_file
from privacy.storage.atomic_file import create_private, public_draft, replace_private, replace_public


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_private_files_are_for_their_owner_and_public_files_follow_the_umask(tmp_path: Path) -> None:
    former = os.umask(0o027)
    try:
        assert create_private(tmp_path / "secret" / "key", "1")
        replace_private(tmp_path / "secret" / "key", "2")
        replace_public(tmp_path / "page" / "index.html", "한글")
    finally:
        os.umask(former)
    assert (tmp_path / "secret" / "key").read_text() == "2"
    assert mode_of(tmp_path / "secret" / "key") == 0o600
    assert mode_of(tmp_path / "secret") == 0o700
    assert (tmp_path / "page" / "index.html").read_text("utf-8") == "한글"
    assert mode_of(tmp_path / "page" / "index.html") == 0o640


def test_every_folder_that_is_made_for_a_private_file_is_for_its_owner_only(tmp_path: Path) -> None:
    create_private(tmp_path / "data" / "consent" / "key", "secret")
    assert [mode_of(tmp_path / "data"), mode_of(tmp_path / "data" / "consent")] == [0o700] * 2
    # Negative control: `mkdir` gives the mode to the last folder only, so the data folder was open to others.
    (tmp_path / "other" / "consent").mkdir(parents=True, mode=0o700)
    assert mode_of(tmp_path / "other") != 0o700


def test_a_file_is_created_once_by_the_first_of_many_threads(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(lambda number: create_private(tmp_path / "key", str(number)), range(40)))
    assert created.count(True) == 1
    assert (tmp_path / "key").read_text() == str(created.index(True))
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("is_durable", [False, True])
def test_a_failed_write_leaves_the_former_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_durable: bool
) -> None:
    path = tmp_path / "table.bin"
    replace_public(path, b"former", is_durable=is_durable)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_file, "_write", fail)
    with pytest.raises(OSError, match="No space"):
        replace_public(path, b"new", is_durable=is_durable)
    assert path.read_bytes() == b"former"
    assert [other.name for other in tmp_path.iterdir()] == ["table.bin"]


def test_a_draft_replaces_the_file_only_when_the_block_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "table.csv"
    with public_draft(path) as draft:
        draft.write_text("first")
        assert not path.exists()
    with pytest.raises(UnicodeEncodeError), public_draft(path) as draft:
        draft.write_text("second \ud800", "utf-8")
    assert path.read_text() == "first"
    assert [other.name for other in path.parent.iterdir()] == ["table.csv"]
