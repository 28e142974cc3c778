"""The places of a backup reveal nothing, store equal content once, and refuse what was changed."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest

from installation.backup import vault as vault_module
from installation.backup.place import BackupError, Place
from installation.backup.vault import Area, FileEntry, Manifest, Part, Vault

KEY = bytes(range(32))
TEXT = b"Haneul Kim, 010-1111-2222\n" * 40
MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)


def opened(folder: Path, key: bytes = KEY) -> Vault:
    return Vault(Place(str(folder), {}), key)


def store(vault: Vault, *contents: bytes, identifier: str = "1", part: Part = Part.TABLES) -> Manifest:
    files = []
    for number, content in enumerate(contents):
        size, chunks = vault.write_chunks(BytesIO(content))
        files.append(FileEntry(area=Area.DATA, path=f"file{number}", size=size, mtime_ns=0, chunks=chunks))
    manifest = Manifest(id=identifier, part=part, made_at=MADE_AT, files=tuple(files))
    vault.write_manifest(manifest)
    return manifest


def content_of(vault: Vault, manifest: Manifest) -> list[bytes]:
    return [b"".join(vault.read_chunks(file.chunks)) for file in manifest.files]


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_files_come_back_and_no_byte_of_them_is_in_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_module, "CHUNK_BYTES", 100)
    contents = [TEXT, b"", TEXT[:100], b"x" * 250]
    store(opened(tmp_path), *contents)
    again = opened(tmp_path)
    assert content_of(again, again.manifest(Part.TABLES, "1")) == contents
    raw = b"".join(path.read_bytes() for path in files_of(tmp_path))
    assert b"Haneul" not in raw
    assert b"file0" not in raw
    assert {path.stat().st_mode & 0o077 for path in files_of(tmp_path)} == {0}


def test_equal_content_is_stored_once(tmp_path: Path) -> None:
    store(opened(tmp_path), TEXT)
    before = files_of(tmp_path / "chunk")
    store(opened(tmp_path), TEXT, TEXT, identifier="2")
    assert files_of(tmp_path / "chunk") == before


def test_a_chunk_without_a_manifest_is_written_again(tmp_path: Path) -> None:
    """After a power failure it may be empty."""
    vault = opened(tmp_path)
    vault.write_chunks(BytesIO(TEXT))
    files_of(tmp_path / "chunk")[0].write_bytes(b"")
    again = opened(tmp_path)
    assert content_of(again, store(again, TEXT)) == [TEXT]


@pytest.mark.parametrize("name", ["chunk", "manifest"])
def test_a_changed_or_cut_file_is_refused(tmp_path: Path, name: str) -> None:
    store(opened(tmp_path), TEXT)
    path = files_of(tmp_path / name)[0]
    whole = path.read_bytes()
    for changed in (whole[:-1], whole[:20], b"", bytes([whole[0] ^ 1]) + whole[1:]):
        path.write_bytes(changed)
        vault = opened(tmp_path)
        with pytest.raises(BackupError, match="changed or damaged"):
            content_of(vault, vault.manifest(Part.TABLES, "1"))
    path.write_bytes(whole)
    vault = opened(tmp_path)
    assert content_of(vault, vault.manifest(Part.TABLES, "1")) == [TEXT]


def test_files_that_were_exchanged_are_refused(tmp_path: Path) -> None:
    vault = opened(tmp_path)
    manifest = store(vault, TEXT, b"other")
    store(vault, b"third", identifier="2")
    for folder in ("chunk", "manifest"):
        first, second = files_of(tmp_path / folder)[:2]
        bytes_of_first = first.read_bytes()
        first.write_bytes(second.read_bytes())
        second.write_bytes(bytes_of_first)
    with pytest.raises(BackupError, match="changed or damaged"):
        opened(tmp_path).manifest(Part.TABLES, "1")
    with pytest.raises(BackupError, match="changed or damaged"):
        [content_of(vault, manifest), content_of(vault, store(vault, b"third", identifier="3"))]


def test_another_key_is_refused(tmp_path: Path) -> None:
    store(opened(tmp_path), TEXT)
    with pytest.raises(BackupError, match="another backup key"):
        opened(tmp_path, bytes(32))


def test_pruning_deletes_what_no_kept_backup_needs(tmp_path: Path) -> None:
    vault = opened(tmp_path)
    store(vault, TEXT, b"old")
    kept = store(vault, TEXT, b"new", identifier="2")
    assert vault.prune(lambda _, identifier: identifier == "2") == 1
    assert vault.ids(Part.TABLES) == ["2"]
    assert content_of(opened(tmp_path), kept) == [TEXT, b"new"]
    assert len(files_of(tmp_path / "chunk")) == 2
