"""Secret keys in files: created once, private, and never replaced when they are damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from privacy.storage.secret_file import SecretError, load_key, read_secret


def test_a_key_is_created_once_private_and_alone_in_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "secret" / "audit.key"
    key = load_key(path)
    assert len(key) == 32
    assert load_key(path) == key != load_key(tmp_path / "other.key")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [other.name for other in path.parent.iterdir()] == ["audit.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_secret_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.key"
    load_key(path)
    path.chmod(mode)
    for use in (load_key, read_secret):
        with pytest.raises(SecretError, match=f"mode {mode:04o}, expected 0600.*chmod 600"):
            use(path)


@pytest.mark.parametrize("text", ["", "xyz", "00ff", "0" * 62, "0" * 66, "é" * 64])
def test_a_damaged_secret_is_refused_and_stays(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SecretError, match="expected 64 hexadecimal digits"):
        load_key(path)
    assert path.read_text() == text


def test_a_folder_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SecretError, match=r"a\.key: cannot read or create"):
        load_key(tmp_path / "file" / "a.key")


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from privacy.storage.secret_file import load_key; "
        "print(load_key(pathlib.Path(sys.argv[1])).hex())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.key")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert {process.communicate()[0].strip() for process in running} == {load_key(tmp_path / "a.key").hex()}
